/*
 * From page load to MAIN and through every break of the line: the state machine of the session.
 */
'use strict';

__d('WAWebConnection', ['WAWebTransport', 'WAWebCredentials', 'WAWebSocketModel', 'WAWebStreamModel', 'WAWebConnModel', 'WAWebCmd', 'WAWebNetworkStatus', 'WAWebQRLinking'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const { transport, ServerError } = require('WAWebTransport');
  const credentials = require('WAWebCredentials');
  const { Socket } = require('WAWebSocketModel');
  const { Stream } = require('WAWebStreamModel');
  const { Conn } = require('WAWebConnModel');
  const { Cmd } = require('WAWebCmd');
  const network = require('WAWebNetworkStatus');
  const UNKNOWN_COMPANION = 401;
  const TEMPORARILY_BANNED = 402;
  const RETRY_MS = [200, 400, 800, 1600, 3000];
  let attempts = 0;
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

  async function connect() {
    if (Socket.state !== 'UNPAIRED') Socket.set({ state: 'OPENING' });
    const login = await credentials.restore();
    if (!login && localStorage.getItem('last-wid-md')) await credentials.forget();
    await credentials.load();
    await transport.open();
    const { faults } = await transport.request('hello');
    require('WAWebServerMood').apply(faults);
    if (login) await logIn(login);
    else await require('WAWebQRLinking').begin();
    attempts = 0;
  }

  async function logIn({ device, token }) {
    if (!Cmd.isMainLoaded) Stream.show('SYNCING', 'CONNECTING');
    const { challenge } = await transport.request('login', { device, token });
    const signature = await credentials.sign(challenge);
    const me = await transport.request('prove', { device, signature });
    require('WAWebServerMood').apply(me.faults);
    const { createWid } = require('WAWebWidFactory');
    Conn.set({ wid: createWid(me.phone), pushname: me.name, platform: me.business ? 'smba' : 'android', isSMB: me.business, connected: true });
    network.set({ online: true });
    Socket.set({ state: 'CONNECTED', stream: 'SYNCING' });
    await synchronise(device, me.faults.syncMs);
  }

  async function synchronise(device, syncMs) {
    const first = !Cmd.isMainLoaded;
    Stream.show(first ? 'SYNCING' : Stream.mode, first ? 'SYNCING' : 'RESUMING');
    if (first) {
      await require('WAWebChatCollection').ChatCollection.loadFromStorage();
      Cmd.mainLoaded();
      await new Promise((resolve) => setTimeout(resolve, syncMs));
    }
    await require('WAWebGroupMetadataCollection').default.loadFromServer();
    await transport.request('ready', { device });
    await offlineDelivered.promise;
    Socket.set({ stream: 'CONNECTED' });
    Stream.show('MAIN', 'NORMAL');
    Socket.set({ hasSynced: false }, { silent: true });
    Socket.set({ hasSynced: true });
  }

  async function onFailure(error) {
    transport.close();
    if (error instanceof ServerError && error.status === UNKNOWN_COMPANION) {
      return require('WAWebLogout').logout(false, 'unknown_companion');
    }
    if (error instanceof ServerError && error.status === TEMPORARILY_BANNED) {
      require('WAWebBackendEventBus').BackendEventBus.trigger('temporary_ban', { seconds: error.seconds });
      Cmd.onTemporaryBan({ seconds: error.seconds });
    }
    onLost();
    const wait = RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)];
    setTimeout(start, wait);
  }

  function onLost() {
    offlineDelivered.promise.catch(() => {});
    offlineDelivered.reject(new Error('the connection broke'));
    offlineDelivered = Promise.withResolvers();
    offlineDelivered.promise.catch(() => {});
    if (stopped) return;
    network.set({ online: false });
    Conn.set({ connected: false });
    if (credentials.getMe()) {
      Socket.set({ state: 'OPENING', stream: 'DISCONNECTED' });
      Stream.set({ info: 'OFFLINE', displayInfo: 'OFFLINE' });
    }
  }

  function onConflict() {
    stopped = true;
    transport.close();
    Socket.set({ state: 'CONFLICT', stream: 'DISCONNECTED' });
    Stream.show('CONFLICT', 'OFFLINE');
  }

  async function takeover() {
    if (Socket.state !== 'CONFLICT') return;
    stopped = false;
    attempts = 0;
    await start();
  }

  /** Resolve once the page is logged in and has everything that came while it was away. */
  async function whenReady() {
    while (!(Socket.state === 'CONNECTED' && Socket.stream === 'CONNECTED')) {
      await new Promise((resolve) => Socket.once('change:stream', resolve));
    }
  }

  transport.on('lost', () => {
    if (running || stopped) return;
    onLost();
    setTimeout(start, RETRY_MS[0]);
  });
  transport.on('push:offline-end', () => offlineDelivered.resolve());
  transport.on('push:conflict', onConflict);
  transport.on('push:unlinked', () => require('WAWebLogout').logout(false, 'unknown_companion'));
  window.addEventListener('offline', () => transport.close());

  Object.assign(exports, { start, takeover, whenReady });
  exports.stop = () => {
    stopped = true;
    transport.close();
  };
});

__d('WAWebLogout', ['WAWebConnection', 'WAWebCredentials', 'WAWebCmd'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  let leaving = false;

  exports.logout = async (tellServer, reason) => {
    if (leaving) return;
    leaving = true;
    const { transport } = require('WAWebTransport');
    const codes = require('WAWebLogoutReason');
    const code = codes.getErrorCodeFromLogoutReason(reason);
    if (tellServer) await transport.request('logout').catch(() => {});
    require('WAWebConnection').stop();
    require('WAWebCmd').Cmd.logout();
    require('WAWebSocketModel').Socket.set({ state: 'UNPAIRED', stream: 'DISCONNECTED' });
    await require('WAWebCredentials').forget();
    codes.setPrevLogoutReasonCode(code);
    location.replace(`/?post_logout=1&logout_reason=${code}`);
  };
});

__d('WAWebLaunchSocketUtils', ['WAWebCmd'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.refreshQR = () => require('WAWebCmd').Cmd.refreshQR();
});

__d('WAWebOfflineHandler', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.OfflineMessageHandler = {
    getOfflineDeliveryProgress: () => (require('WAWebSocketModel').Socket.stream === 'CONNECTED' ? 100 : 50),
  };
});
