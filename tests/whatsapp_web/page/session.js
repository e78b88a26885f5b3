/*
 * The state that clients watch: socket, stream, connection and network.
 */
'use strict';

defineModule('WAWebUserPrefsGeneral', (exports, require) => {
  exports.getPushname = () => require('WAWebConnModel').Conn.pushname;
  exports.setBrowserId = () => {};
  exports.getUserPrivacySettings = () => ({});
});

defineModule('WAWebHistorySyncProgress', (exports, require) => {
  exports.getHistorySyncProgressModel = () => ({
    realProgress: require('WAWebSocketModel').Socket.hasSynced ? 100 : 50,
    remainingPausedSeconds: 0,
  });
});

defineModule('WAWebConnModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class ConnImpl extends BaseModel {
    static defaults = () => ({
      id: 'conn',
      ref: undefined,
      refTTL: undefined,
      wid: undefined,
      connected: false,
      battery: undefined,
      plugged: undefined,
      platform: undefined,
      pushname: undefined,
      isSMB: false,
    });

    canSetMyPushname() {
      return true;
    }
  }
  ConnImpl.prototype.proxyName = 'conn';
  exports.ConnImpl = ConnImpl;
  exports.Conn = new ConnImpl();
});

defineModule('WAWebSocketModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class SocketImpl extends BaseModel {
    static defaults = () => ({
      state: 'UNLAUNCHED',
      stream: 'DISCONNECTED',
      hasSynced: false,
      launched: false,
      retryTimestamp: undefined,
    });

    async initConn() {
      await require('WAWebConnection').start();
    }

    logout(reason = 'user_initiated') {
      require('WAWebLogout').logout(reason);
    }

    takeover() {
      throw new Error('Takeover called without conflict!');
    }

    clearCredentialsAndStoredData(reason, message) {
      return require('WAWebLogout').wipe(reason, message);
    }
  }
  exports.SocketImpl = SocketImpl;
  exports.Socket = new SocketImpl();
});

defineDefault('WAWebNetworkStatus', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class NetworkStatus extends BaseModel {
    static defaults = () => ({ online: navigator.onLine, simulatedOfflineConditions: false });

    /** Ask for a small file: whatever the answer is, there is a network. */
    async checkOnline() {
      const number = require('WAWebCredentials').getMe()?.phone ?? '';
      const answered = await fetch(`/status.json?number=${encodeURIComponent(number)}`).catch(() => null);
      this.set({ online: answered !== null });
    }

    async waitIfOffline() {
      if (this.online) return;
      await new Promise((resolve) => this.on('change:online', (model, online) => online && resolve()));
    }
  }
  exports.default = new NetworkStatus();
});

defineModule('WAWebStreamModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');
  const { Socket } = require('WAWebSocketModel');
  const { isRegistered } = require('WAWebUserPrefsMultiDevice');
  const network = require('WAWebNetworkStatus');

  /** Which screen belongs to the socket's state. An unlinked page is on the QR screen from the start. */
  function modeNow() {
    const { state, stream, hasSynced } = Socket;
    if (!isRegistered()) return 'QR';
    if (state === 'UNPAIRED' || state === 'UNPAIRED_IDLE') return 'QR';
    if (state === 'UNLAUNCHED') return 'SYNCING';
    if (state === 'OPENING' && !network.online && !hasSynced) return 'OFFLINE';
    return hasSynced || stream === 'CONNECTED' ? 'MAIN' : 'SYNCING';
  }

  function infoNow() {
    const { state, stream, hasSynced } = Socket;
    if (state === 'OPENING') return network.online ? 'OPENING' : 'OFFLINE';
    if (state === 'PAIRING') return hasSynced ? 'RESUMING' : 'PAIRING';
    if (state === 'CONNECTED' && stream !== 'CONNECTED' && !hasSynced) return 'SYNCING';
    return 'NORMAL';
  }

  class StreamImpl extends BaseModel {
    static defaults = () => ({
      info: 'NORMAL',
      mode: isRegistered() ? 'SYNCING' : 'QR',
      displayInfo: 'CONNECTING',
      available: document.hasFocus(),
      needsUpdate: undefined,
      isHardRefresh: false,
      resumeCount: 0,
      phoneAuthed: false,
    });

    initialize() {
      this.listenTo(Socket, 'change:state change:stream change:hasSynced', this.follow);
      this.listenTo(network, 'change:online', this.follow);
    }

    follow() {
      const info = infoNow();
      const displayInfo = Socket.hasSynced && info !== 'OFFLINE' ? 'NORMAL' : info;
      this.set({ info, mode: modeNow(), displayInfo, phoneAuthed: Socket.stream !== 'DISCONNECTED' });
    }

    markAvailable() {
      this.set({ available: true });
    }

    markUnavailable() {
      this.set({ available: false });
    }
  }
  exports.StreamImpl = StreamImpl;
  exports.Stream = new StreamImpl();
});
