/*
 * From page load to MAIN and through every break of the line: the state machine of the session.
 */
'use strict';

defineModule('WAWebConnection', (exports, require, importNamespace) => {
  const { transport, ServerError, NetworkError } = require('WAWebTransport');
  const credentials = require('WAWebCredentials');
  const { Socket } = require('WAWebSocketModel');
  const { Conn } = require('WAWebConnModel');
  const network = require('WAWebNetworkStatus');
  const comms = require('WAComms');
  const waits = require('WAWebReconnectWaits');
  let loaded = false;
  let retry = null;
  let running = false;
  let offlineDelivered = Promise.withResolvers();

  async function start() {
    if (running) return;
    running = true;
    try {
      await connect();
    } catch (error) {
      if (!comms.goesOn()) return;
      await onFailure(error);
    } finally {
      running = false;
    }
  }

  /** A failure and the loss of its line both ask for this: only one new start may come of it. */
  function startLater() {
    retry ??= setTimeout(() => {
      retry = null;
      if (comms.goesOn()) start();
    }, waits.next());
  }

  async function connect() {
    if (!Socket.state.startsWith('UNPAIRED')) Socket.set({ state: 'OPENING' });
    const login = await credentials.restore();
    if (!login) await credentials.forgetRemains();
    await credentials.load();
    await transport.open();
    waits.opened();
    const { faults } = await transport.request('hello');
    require('WAWebServerMood').apply(faults);
    if (Socket.hasSynced) await new Promise((resolve) => setTimeout(resolve, waits.handshake()));
    if (login) await hesitate(faults.unpairedMs);
    if (login) await logIn(login);
    else await require('WAWebQRLinking').begin();
  }

  /** Show the QR screen for a moment, although there is a login. */
  async function hesitate(ms) {
    if (!ms || Socket.hasSynced) return;
    Socket.set({ state: 'UNPAIRED' });
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  async function logIn({ device, token }) {
    const { challenge } = await transport.request('login', { device, token, html: document.documentElement.dataset.version });
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
    Socket.set({ state: 'PAIRING' });
    Socket.set({ state: 'CONNECTED' });
    openStream();
    await synchronise(device, me.faults.syncMs);
    await require('WAWebHydration').hydrate(me.faults.hydration);
  }

  /** The line stands: what had synchronised before goes on at once. */
  function openStream() {
    network.set({ online: true });
    network.checkOnline();
    if (Socket.hasSynced) Socket.set({ stream: 'CONNECTED' });
  }

  async function synchronise(device, syncMs) {
    if (!loaded) {
      await require('WAWebChatCollection').ChatCollection.loadFromStorage();
      loaded = true;
      await new Promise((resolve) => setTimeout(resolve, syncMs));
    }
    await importNamespace('WAWebGroupMetadataCollection').default.loadFromServer();
    await transport.request('ready', { device });
    await offlineDelivered.promise;
    if (!Socket.hasSynced) {
      await require('WAWebInbox').handled();
      await require('WAWebChatCollection').ChatCollection.loadMessages();
    }
    Socket.set({ hasSynced: true, stream: 'CONNECTED' });
  }

  async function onFailure(error) {
    transport.close();
    if (!require('WAWebHandleFailure')(error)) return;
    onLost();
    return startLater();
  }

  /** Nothing more comes on this line: let go of who waits for the end of what was missed. */
  function endDelivery() {
    offlineDelivered.promise.catch(() => {});
    offlineDelivered.reject(new NetworkError('the connection broke'));
    offlineDelivered = Promise.withResolvers();
  }

  /** The state of the socket stays as it is until the next try: only the stream tells of the loss. */
  function onLost() {
    Conn.set({ connected: false });
    Socket.set({ stream: 'DISCONNECTED' });
    network.checkOnline();
  }

  /** Resolve once the page is logged in and has everything that came while it was away. */
  async function whenReady() {
    while (!(Socket.state === 'CONNECTED' && Socket.stream === 'CONNECTED')) {
      await new Promise((resolve) => Socket.once('change:stream', resolve));
    }
  }

  transport.on('lost', () => {
    endDelivery();
    if (running && comms.goesOn()) return;
    onLost();
    if (comms.goesOn()) startLater();
  });
  transport.on('push:offline-end', () => offlineDelivered.resolve());
  transport.on('push:replaced', () => comms.stopComms());
  transport.on('push:line-dead', () => comms.closeSocketAndPreventRetry());
  transport.on('push:unlinked', () => require('WAWebLogout').onDeviceRemoved());
  window.addEventListener('offline', () => transport.close());

  Object.assign(exports, { start, whenReady });
  exports.stop = () => {
    comms.stopComms();
    Socket.set({ stream: 'DISCONNECTED' }); // what is pending waits, and the page is gone before it ends
  };
});

defineModule('WAWebOfflineHandler', (exports, require) => {
  exports.OfflineMessageHandler = {
    getOfflineDeliveryProgress: () => (require('WAWebSocketModel').Socket.stream === 'CONNECTED' ? 100 : 50),
  };
});
