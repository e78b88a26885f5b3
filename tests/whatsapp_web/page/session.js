/*
 * The state that clients watch: socket, stream, connection, network, and the command bus.
 */
'use strict';

__d('WAWebCmd', ['WAWebEventEmitter'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const EventEmitter = require('WAWebEventEmitter');

  class CmdImpl extends EventEmitter {
    isMainLoaded = false;

    mainLoaded() {
      this.isMainLoaded = true;
      this.trigger('main_loaded');
    }

    refreshQR() {
      this.trigger('refresh_qr');
    }

    logout() {
      this.trigger('logout');
    }

    onTemporaryBan(details) {
      this.trigger('temporary_ban', details);
    }

    setActiveFilter(filter) {
      this.trigger('set_active_filter', filter);
    }

    async openChatBottom(request) {
      const chat = request.chat ?? request;
      require('WAWebChatCollection').ChatCollection.activate(chat);
      return true;
    }

    async openChatAt(request) {
      return this.openChatBottom(request);
    }
  }
  exports.CmdImpl = CmdImpl;
  exports.Cmd = new CmdImpl();
});

__d('WAWebBackendEventBus', ['WAWebEventEmitter'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const EventEmitter = require('WAWebEventEmitter');
  exports.BackendEvent = { StorageInitializationError: 'storage_initialization_error', TemporaryBan: 'temporary_ban' };
  exports.BackendEventBus = new EventEmitter();
});

__d('WAWebConnModel', ['WAWebBaseModel'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const { BaseModel } = require('WAWebBaseModel');

  class ConnImpl extends BaseModel {
    static defaults = () => ({ id: 'conn', ref: undefined, refTTL: undefined, wid: undefined, connected: false, battery: undefined, plugged: undefined, platform: undefined, pushname: undefined, isSMB: false });

    canSetMyPushname() {
      return true;
    }
  }
  ConnImpl.prototype.proxyName = 'conn';
  exports.ConnImpl = ConnImpl;
  exports.Conn = new ConnImpl();
});

__d('WAWebStreamModel', ['WAWebBaseModel'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const { BaseModel } = require('WAWebBaseModel');

  class StreamImpl extends BaseModel {
    static defaults = () => ({ mode: undefined, info: 'OPENING', displayInfo: 'OPENING', available: false, needsUpdate: false, resumeCount: 0, unavailableShiftTimer: undefined });

    markAvailable() {
      this.set({ available: true });
    }

    markUnavailable() {
      this.set({ available: false });
    }

    show(mode, info) {
      this.set({ info, displayInfo: info });
      this.set({ mode });
    }
  }
  exports.StreamImpl = StreamImpl;
  exports.Stream = new StreamImpl();
});

__d('WAWebSocketModel', ['WAWebBaseModel'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const { BaseModel } = require('WAWebBaseModel');

  class SocketImpl extends BaseModel {
    static defaults = () => ({ state: 'UNLAUNCHED', stream: 'DISCONNECTED', hasSynced: false, launched: false, retryTimestamp: undefined });

    async initConn() {
      await require('WAWebConnection').start();
    }

    logout(sendLogout = true, reason = 'user_initiated') {
      require('WAWebLogout').logout(sendLogout !== false, reason);
    }

    async takeover() {
      await require('WAWebConnection').takeover();
    }

    poke() {
      require('WAWebCmd').Cmd.refreshQR();
    }

    clearCredentialsAndStoredData() {
      return require('WAWebCredentials').forget();
    }
  }
  exports.SocketImpl = SocketImpl;
  exports.Socket = new SocketImpl();
});

__d('WAWebNetworkStatus', ['WAWebBaseModel'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const { BaseModel } = require('WAWebBaseModel');

  class NetworkStatus extends BaseModel {
    static defaults = () => ({ online: navigator.onLine, simulatedOfflineConditions: false });

    async checkOnline() {
      return this.online;
    }

    async waitIfOffline() {
      if (this.online) return;
      await new Promise((resolve) => this.on('change:online', (model, online) => online && resolve()));
    }
  }
  exports.default = new NetworkStatus();
}, 98);
