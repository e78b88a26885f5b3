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
    credentials.renewSecret();
    await show(refs);
  }

  async function refresh() {
    if (credentials.getMe()) return;
    const refs = await transport.request('refs');
    credentials.renewSecret();
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
  transport.on('push:passkey-wanted', () => {
    clearTimeout(timer);
    require('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.triggerPasskeyPrologueRequest();
    require('WAWebServerMood').askForPasskey();
  });
  transport.on('lost', () => clearTimeout(timer));
  require('WAWebDeferredModules').whenLoaded(() =>
    require('WAWebCmd').Cmd.on('refresh_qr', () => refresh().catch(() => {})),
  );

  Object.assign(exports, { begin, refresh });
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

defineModule('WAWebAltDeviceLinkingApi', (exports, require) => {
  const { transport } = require('WAWebTransport');
  let pairingType = 'QR';
  let timer = null;

  async function genLinkDeviceCodeForPhoneNumber(phone, sendPushNotification = true) {
    const { code, ms } = await transport.request('typed-code', { phone, sendPushNotification });
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
    genLinkDeviceCodeForPhoneNumber,
    startAltLinkingFlow: genLinkDeviceCodeForPhoneNumber,
    setPairingType: (type) => {
      pairingType = type;
    },
    getPairingType: () => pairingType,
    initializeAltDeviceLinking: async () => {
      pairingType = 'ALT_DEVICE_LINKING';
    },
    initializeQRLinking: async () => {
      clearTimeout(timer);
      pairingType = 'QR';
    },
  });
});

defineModule('WAWebEvents', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');
  const bus = new EventEmitter();
  exports.tell = (name, value) => bus.trigger(name, value);
  exports.on = (name, callback) => bus.on(name, callback);
});
