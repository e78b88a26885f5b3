/*
 * The login. Half of it is a key pair in IndexedDB whose private part cannot be exported, half is in
 * localStorage, sealed with another key from IndexedDB: neither half is of use alone.
 */
'use strict';

defineModule('WAWebCredentials', (exports, require) => {
  const storage = require('WAWebStorage');
  const { encodeB64, decodeB64 } = require('WABase64');
  const meta = (key) => storage.get('signal-storage', 'signal-meta-store', key);
  const NEEDED = ['WANoiseInfo', 'WANoiseInfoIv', 'last-wid-md'];
  let registration = null;
  let me = null;

  const newPair = () => crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  const publicPart = (pair) => crypto.subtle.exportKey('raw', pair.publicKey);

  async function load() {
    registration = (await meta('registration')) ?? (await create());
    registration.identityPublic = await publicPart(registration.identity);
    registration.noisePublic = await publicPart(registration.noise);
    return registration;
  }

  async function create() {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const made = {
      key: 'registration',
      id: secret[0] * 64 + secret[1],
      identity: await newPair(),
      noise: await newPair(),
      secret,
    };
    await storage.put('signal-storage', 'signal-meta-store', made);
    const seal = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
      'encrypt',
      'decrypt',
    ]);
    await storage.put('wawc_db_enc', 'keys', { id: 1, key: seal });
    return made;
  }

  async function save(login) {
    const { key } = await storage.get('wawc_db_enc', 'keys', 1);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(login));
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, plain);
    localStorage.setItem('WANoiseInfo', encodeB64(sealed));
    localStorage.setItem('WANoiseInfoIv', encodeB64(iv));
    localStorage.setItem('WAWebEncKeySalt', encodeB64(crypto.getRandomValues(new Uint8Array(16))));
    localStorage.setItem('last-wid-md', JSON.stringify(login.device));
    localStorage.setItem('WALid', JSON.stringify(login.lid));
    me = login;
  }

  /** Return the stored login, or null; null as well when one of its halves is missing or wrong. */
  async function restore() {
    if (!isRegistered()) return null;
    const kept = await storage.get('wawc_db_enc', 'keys', 1);
    if (!kept || !(await meta('registration'))) return null;
    const iv = decodeB64(localStorage.getItem('WANoiseInfoIv'));
    const sealed = decodeB64(localStorage.getItem('WANoiseInfo'));
    try {
      const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, kept.key, sealed);
      me = JSON.parse(new TextDecoder().decode(plain));
    } catch {
      return null;
    }
    return me;
  }

  function isRegistered() {
    return me !== null || NEEDED.every((name) => localStorage.getItem(name) !== null);
  }

  /** Set the secret of the QR codes, or none; the one before is worth nothing from now on. */
  function setSecret(secret) {
    if (registration) registration.secret = secret;
  }

  const sign = async (challenge) =>
    encodeB64(await crypto.subtle.sign('Ed25519', registration.identity.privateKey, decodeB64(challenge)));

  async function checkProof(login) {
    if (!registration.secret) return false;
    const key = await crypto.subtle.importKey(
      'raw',
      registration.secret,
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['verify'],
    );
    return crypto.subtle.verify('HMAC', key, decodeB64(login.proof), new TextEncoder().encode(login.device));
  }

  /** Wipe what is left of a login that is of no use any more, and its chats. */
  async function forgetRemains() {
    const chats = await storage.all('model-storage', 'chat');
    if (localStorage.getItem('last-wid-md') === null && !chats.length) return;
    clear();
    await storage.destroy();
  }

  /** Let go of the login and empty localStorage; the databases are not touched. */
  function clear() {
    me = null;
    registration = null;
    localStorage.clear();
  }

  Object.assign(exports, { load, save, restore, setSecret, sign, checkProof, clear, forgetRemains });
  exports.getRegistration = () => registration;
  exports.getMe = () => me;
  exports.hasStoredLogin = isRegistered;
});

defineModule('WAWebSignalStoreApi', (exports, require) => {
  exports.waSignalStore = {
    async getRegistrationInfo() {
      const registration = require('WAWebCredentials').getRegistration();
      return (
        registration && {
          registrationId: registration.id,
          identityKeyPair: { pubKey: registration.identityPublic, privKey: null },
        }
      );
    },
  };
});

defineModule('WAWebUserPrefsInfoStore', (exports, require) => {
  exports.waNoiseInfo = {
    async get() {
      const registration = require('WAWebCredentials').getRegistration();
      return registration && { staticKeyPair: { pubKey: registration.noisePublic, privKey: null } };
    },
  };
});

defineModule('WAWebUserPrefsMultiDevice', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');
  const credentials = require('WAWebCredentials');
  exports.getADVSecretKey = () => {
    const secret = credentials.getRegistration()?.secret;
    return secret ? require('WABase64').encodeB64(secret) : null;
  };
  exports.setADVSecretKey = async (key) =>
    credentials.setSecret(key ? new Uint8Array(require('WABase64').decodeB64(key)) : null);
  exports.advSecretEventEmitter = new EventEmitter();
  exports.isRegistered = () => credentials.hasStoredLogin();
});

defineModule('WAWebAdvSignatureApi', (exports, require) => {
  const prefs = require('WAWebUserPrefsMultiDevice');
  exports.generateADVSecretKey = async () => {
    const key = require('WABase64').encodeB64(crypto.getRandomValues(new Uint8Array(32)));
    await prefs.setADVSecretKey(key);
    return key;
  };
  exports.getADVSecretKey = async () => {
    const key = prefs.getADVSecretKey();
    if (key === null) throw new Error('secretKey is null or undefined');
    return key;
  };
  exports.clearADVSecretKey = () => prefs.setADVSecretKey();
  exports.setADVSignedIdentity = () => {};
  exports.verifyDeviceIdentityAccountSignature = async () => true;
});

defineModule('WAWebCompanionRegClientUtils', (exports) => {
  exports.DEVICE_PLATFORM = '1';
});

/* Whether the text of the QR code is an address, which the phone's own camera can open. */
defineModule('WAWebNativeCameraQRLinkedDeviceUtils', (exports, require) => {
  exports.isNativeCameraQRLinkedDeviceTest = () => require('WAWebServerMood').now().qrUrl !== false;
});

defineDefault('justknobx', (exports, require) => {
  exports.default = { _: (name) => name === '770' && Boolean(require('WAWebServerMood').now().qrHelpUrl) };
});

defineModule('WAWebLoginState', (exports, require) => {
  exports.isLoggedIn = () => require('WAWebCredentials').hasStoredLogin();
});

defineModule('WAWebUserPrefsMeUser', (exports, require) => {
  const { createWid, createDeviceWid } = require('WAWebWidFactory');
  const of = (name, make) => {
    const me = require('WAWebCredentials').getMe();
    return me ? make(me[name]) : undefined;
  };
  const orThrow = (get) => () => {
    const wid = get();
    if (!wid) throw new Error('UserPrefs: not logged in');
    return wid;
  };
  const getMaybeMePnUser = () => of('phone', createWid);
  const getMaybeMeLidUser = () => of('lid', createWid);
  const getMaybeMeDevicePn = () => of('device', createDeviceWid);
  const isMeAccount = (wid) =>
    Boolean(wid && (getMaybeMePnUser()?.equals(wid) || getMaybeMeLidUser()?.equals(wid)));
  Object.assign(exports, {
    getMaybeMePnUser,
    getMaybeMeLidUser,
    getMaybeMeDevicePn,
    getMePnUserOrThrow: orThrow(getMaybeMePnUser),
    getMeLidUserOrThrow: orThrow(getMaybeMeLidUser),
    getMeDevicePnOrThrow: orThrow(getMaybeMeDevicePn),
    getMaybeMeDisplayName: () => require('WAWebCredentials').getMe()?.name,
    isMeAccount,
    isMeUser: isMeAccount,
  });
});
