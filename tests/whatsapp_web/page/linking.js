/*
 * Linking: QR refs that take turns, the code that is typed on a phone, and the handshake after it.
 */
'use strict';

defineModule('WAWebQRLinking', (exports, require) => {
  const { transport } = require('WAWebTransport');
  const { Socket } = require('WAWebSocketModel');
  const { Conn } = require('WAWebConnModel');
  const credentials = require('WAWebCredentials');
  let timer = null;

  async function begin() {
    const { encodeB64 } = require('WABase64');
    const { identityPublic, noisePublic } = credentials.getRegistration();
    const { name, os } = require('WAWebMiscBrowserUtils').info();
    const refs = await transport.request('register', {
      identity: encodeB64(identityPublic),
      noise: encodeB64(noisePublic),
      device: `${name ?? 'Browser'} (${os})`,
    });
    require('WAWebNetworkStatus').set({ online: true });
    await require('WAWebAdvSignatureApi').generateADVSecretKey();
    await show(refs);
  }

  async function show([next, ...later]) {
    clearTimeout(timer);
    if (!next) {
      await transport.request('showing', { ref: null });
      Socket.set({ state: 'UNPAIRED_IDLE' });
      return;
    }
    await transport.request('showing', { ref: next.ref });
    Conn.set({ ref: next.ref, refTTL: next.ms });
    Socket.set({ state: 'UNPAIRED' });
    timer = setTimeout(() => show(later).catch(() => {}), next.ms);
  }

  async function onPaired(login) {
    clearTimeout(timer);
    if (login.proof && !(await credentials.checkProof(login))) {
      await transport.request('refuse', { token: login.token, device: login.device });
      return begin();
    }
    Socket.set({ state: 'PAIRING' });
    require('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.triggerPrimaryHelloReceived();
    await credentials.save(login);
    return transport.close();
  }

  transport.on('push:pair-success', (login) => onPaired(login).catch(() => {}));
  transport.on('push:passkey-wanted', () => require('WAWebShortcakeLinkingApi').begin());
  transport.on('lost', () => clearTimeout(timer));
  require('WAWebBackendEventBus').BackendEventBus.onRefreshQR(() =>
    require('WAWebLaunchSocketUtils').refreshQR(),
  );

  Object.assign(exports, { begin });
});

defineModule('WAWebLaunchSocketUtils', (exports, require) => {
  /** The line is begun anew, and with it come new refs. */
  exports.refreshQR = () => {
    require('WAWebReconnectWaits').startAnew();
    require('WAWebTransport').transport.close();
  };
});

defineModule('WAWebLinkDeviceEvents', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');

  class LinkDeviceEvents extends EventEmitter {
    triggerRefreshAltLinkingCode() {
      this.trigger('link_device_events:refresh_alt_linking_code');
    }

    triggerPasskeyPrologueRequest() {
      this.trigger('link_device_events:passkey_prologue_request');
    }

    triggerPrimaryHelloReceived() {
      this.trigger('link_device_events:primary_hello_received');
    }
  }
  exports.WAWebLinkDeviceEvents = new LinkDeviceEvents();
});

defineModule('WAWebPairingType', (exports) => {
  const same = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  exports.PairingType = same('QR_CODE', 'ALT_DEVICE_LINKING', 'SHORTCAKE_PASSKEY');
});

/* A passkey is asked for: the codes on show are void from then on, and new ones go on coming. */
defineModule('WAWebShortcakeLinkingApi', (exports, require) => {
  const { PairingType } = require('WAWebPairingType');
  let started = false;

  async function begin() {
    if (!started) await require('WAWebAdvSignatureApi').generateADVSecretKey();
    started = true;
    require('WAWebAltDeviceLinkingApi').setPairingType(PairingType.SHORTCAKE_PASSKEY);
    require('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.triggerPasskeyPrologueRequest();
    require('WAWebServerMood').askForPasskey();
  }

  exports.begin = begin;
  exports.cancel = () => {
    started = false;
  };
});

defineModule('WAWebLinkDeviceAction', (exports, require) => {
  const { PairingType } = require('WAWebPairingType');
  const linking = () => require('WAWebAltDeviceLinkingApi');

  exports.resetLinkDeviceState = async ({ linkDeviceMethod }) => {
    require('WAWebBackendEventBus').BackendEventBus.triggerRefreshQR();
    if (linkDeviceMethod === PairingType.ALT_DEVICE_LINKING) await linking().initializeAltDeviceLinking();
    else await linking().initializeQRLinking();
  };
  exports.genLinkDeviceCodeForPhoneNumber = (phone, push) => linking().startAltLinkingFlow(phone, push);
});

defineModule('WAWebAltDeviceLinkingIq', (exports, require) => {
  const NAMES = {
    400: 'IQErrorBadRequest',
    403: 'IQErrorForbidden',
    429: 'IQErrorRateOverlimit',
    452: 'IQErrorFeatureNotAvailable',
    500: 'IQErrorInternalServerError',
  };

  class CompanionHelloError extends Error {
    constructor(message, type) {
      super(message);
      this.name = 'CompanionHelloError';
      this.type = type;
    }
  }

  async function sendCompanionHello(phone, sendPushNotification) {
    try {
      return await require('WAWebTransport').transport.request('typed-code', { phone, sendPushNotification });
    } catch (error) {
      const name = NAMES[error.status];
      if (!name) throw new CompanionHelloError('unknown error');
      throw new CompanionHelloError(name, { name, value: { text: error.message, code: error.status } });
    }
  }

  Object.assign(exports, { CompanionHelloError, sendCompanionHello });
});

defineModule('WAWebAltDeviceLinkingApi', (exports, require) => {
  const { PairingType } = require('WAWebPairingType');
  const { setADVSecretKey } = require('WAWebUserPrefsMultiDevice');
  let pairingType = PairingType.QR_CODE;
  let initialized = false;
  let timer = null;

  function clear() {
    clearTimeout(timer);
    initialized = false;
  }

  /** Get ready for a code that is typed: the secret of the QR codes goes. */
  async function initializeAltDeviceLinking() {
    clear();
    await setADVSecretKey();
    initialized = true;
    pairingType = PairingType.ALT_DEVICE_LINKING;
  }

  async function initializeQRLinking() {
    clear();
    await require('WAWebAdvSignatureApi').generateADVSecretKey();
    pairingType = PairingType.QR_CODE;
  }

  async function startAltLinkingFlow(phone, sendPushNotification = true) {
    if (!initialized) throw new Error('Invariant Violation: 75727');
    const { sendCompanionHello } = require('WAWebAltDeviceLinkingIq');
    const { code, ms } = await sendCompanionHello(phone, sendPushNotification);
    initialized = false;
    clearTimeout(timer);
    timer = setTimeout(
      () => require('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.triggerRefreshAltLinkingCode(),
      ms,
    );
    require('WAWebEvents').tell('typed-code', code);
    return code;
  }

  require('WAWebTransport').transport.on('push:pair-success', () => clearTimeout(timer));

  Object.assign(exports, {
    startAltLinkingFlow,
    initializeAltDeviceLinking,
    initializeQRLinking,
    setPairingType: (type) => {
      pairingType = type;
    },
    getPairingType: () => pairingType,
  });
});

defineModule('WAWebEvents', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');
  const bus = new EventEmitter();
  exports.tell = (name, value) => bus.trigger(name, value);
  exports.on = (name, callback) => bus.on(name, callback);
});
