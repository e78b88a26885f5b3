/*
 * From page load to MAIN and through every break of the line: the state machine of the session.
 */
'use strict';

defineModule('WAWebConnection', (exports, require, importNamespace) => {
  const { transport, ServerError, NetworkError } = require('WAWebTransport');
  const credentials = require('WAWebCredentials');
  const { Socket } = require('WAWebSocketModel');
  const { Conn } = require('WAWebConnModel');
  const { Cmd } = require('WAWebCmd');
  const network = require('WAWebNetworkStatus');
  const UNKNOWN_COMPANION = 401;
  const TEMPORARILY_BANNED = 402;
  const RETRY_MS = [200, 400, 800, 1600, 3000];
  let attempts = 0;
  let retry = null;
  let running = false;
  let stopped = false;
  let offlineDelivered = Promise.withResolvers();

  async function start() {
    if (running) return;
    running = true;
    try {
      await connect();
    } catch (error) {
      if (stopped) return;
      await onFailure(error);
    } finally {
      running = false;
    }
  }

  /** A failure and the loss of its line both ask for this: only one new start may come of it. */
  function startLater(ms) {
    retry ??= setTimeout(() => {
      retry = null;
      start();
    }, ms);
  }

  async function connect() {
    if (!Socket.state.startsWith('UNPAIRED')) Socket.set({ state: 'OPENING' });
    const login = await credentials.restore();
    if (!login) await credentials.forgetRemains();
    await credentials.load();
    await transport.open();
    const { faults } = await transport.request('hello');
    require('WAWebServerMood').apply(faults);
    if (login) await hesitate(faults.unpairedMs);
    if (login) await logIn(login);
    else await require('WAWebQRLinking').begin();
    attempts = 0;
  }

  /** Show the QR screen for a moment, although there is a login. */
  async function hesitate(ms) {
    if (!ms || Socket.hasSynced) return;
    Socket.set({ state: 'UNPAIRED' });
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  async function logIn({ device, token }) {
    const { challenge } = await transport.request('login', { device, token });
    const signature = await credentials.sign(challenge);
    const me = await transport.request('prove', { signature });
    require('WAWebServerMood').apply(me.faults);
    require('WAWebBackendEventBus').BackendEventBus.triggerTemporaryBan({ banned: false });
    const { createWid } = require('WAWebWidFactory');
    Conn.set({
      wid: createWid(me.phone),
      pushname: me.name,
      platform: me.business ? 'smba' : 'android',
      isSMB: me.business,
      connected: true,
    });
    network.set({ online: true });
    Socket.set({ state: 'CONNECTED', stream: Socket.hasSynced ? 'RESUMING' : 'SYNCING' });
    await synchronise(device, me.faults.syncMs);
  }

  async function synchronise(device, syncMs) {
    if (!Cmd.isMainLoaded) {
      await require('WAWebChatCollection').ChatCollection.loadFromStorage();
      Cmd.mainLoaded();
      await new Promise((resolve) => setTimeout(resolve, syncMs));
    }
    await importNamespace('WAWebGroupMetadataCollection').default.loadFromServer();
    await transport.request('ready', { device });
    await offlineDelivered.promise;
    Socket.set({ stream: 'CONNECTED' });
    Socket.set({ hasSynced: true });
  }

  async function onFailure(error) {
    transport.close();
    if (error.status === UNKNOWN_COMPANION) return require('WAWebLogout').logout(false, 'unknown_companion');
    if (error.status === TEMPORARILY_BANNED) tellBan(error);
    onLost();
    if (!(error instanceof ServerError)) network.set({ online: false });
    return startLater(RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)]);
  }

  function tellBan({ seconds }) {
    const ban = { banned: true, code: 101, expire: Math.ceil(seconds), message: undefined, url: undefined };
    require('WAWebBackendEventBus').BackendEventBus.triggerTemporaryBan(ban);
  }

  /** Nothing more comes on this line: let go of who waits for the end of what was missed. */
  function endDelivery() {
    offlineDelivered.promise.catch(() => {});
    offlineDelivered.reject(new NetworkError('the connection broke'));
    offlineDelivered = Promise.withResolvers();
  }

  function onLost() {
    if (stopped) return;
    Conn.set({ connected: false });
    if (credentials.getMe()) Socket.set({ state: 'OPENING', stream: 'DISCONNECTED' });
  }

  function onConflict() {
    stopped = true;
    transport.close();
    Socket.set({ state: 'CONFLICT', stream: 'DISCONNECTED' });
  }

  async function takeover() {
    if (Socket.state !== 'CONFLICT') return;
    stopped = false;
    attempts = 0;
    clearTimeout(retry);
    retry = null;
    await start();
  }

  /** Resolve once the page is logged in and has everything that came while it was away. */
  async function whenReady() {
    while (!(Socket.state === 'CONNECTED' && Socket.stream === 'CONNECTED')) {
      await new Promise((resolve) => Socket.once('change:stream', resolve));
    }
  }

  transport.on('lost', () => {
    endDelivery();
    if (running || stopped) return;
    onLost();
    startLater(RETRY_MS[0]);
  });
  transport.on('push:offline-end', () => offlineDelivered.resolve());
  transport.on('push:conflict', onConflict);
  transport.on('push:unlinked', () => require('WAWebLogout').logout(false, 'unknown_companion'));
  window.addEventListener('offline', () => {
    network.set({ online: false });
    transport.close();
  });

  Object.assign(exports, { start, takeover, whenReady });
  exports.stop = () => {
    stopped = true;
    transport.close();
    Socket.set({ stream: 'DISCONNECTED' }); // what is pending waits, and the page is gone before it ends
  };
});

defineModule('WAWebLaunchSocketUtils', (exports, require) => {
  exports.refreshQR = () => require('WAWebCmd').Cmd.refreshQR();
});

defineModule('WAWebOfflineHandler', (exports, require) => {
  exports.OfflineMessageHandler = {
    getOfflineDeliveryProgress: () => (require('WAWebSocketModel').Socket.stream === 'CONNECTED' ? 100 : 50),
  };
});
