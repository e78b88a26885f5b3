/*
 * The two buses on which the page's parts tell each other what happened, and the bridge between them.
 */
'use strict';

defineModule('WAWebDeferredModules', (exports, require) => {
  const waiting = [];
  const lateMs = Number(document.body.dataset.deferredMs);
  let loaded = false;

  /** Define what a page without a login may do without for a while. */
  function load() {
    if (loaded) return;
    loaded = true;
    defineModule('WAWebCmd', commandBus);
    for (const callback of waiting.splice(0)) callback();
  }

  exports.load = load;

  /** Load now, or later where the page has no login and the server says so. */
  exports.begin = () => {
    const hasLogin = require('WAWebUserPrefsMultiDevice').isRegistered();
    if (hasLogin || !lateMs) load();
    else setTimeout(load, lateMs);
  };

  exports.whenLoaded = (callback) => {
    if (loaded) callback();
    else waiting.push(callback);
  };
});

function commandBus(exports, require) {
  const EventEmitter = require('WAWebEventEmitter');

  class CmdImpl extends EventEmitter {
    onStartingLogoutFromBridge() {
      this.trigger('starting_logout_from_bridge');
    }

    onLogoutFromBridge() {
      this.trigger('logout_from_bridge');
    }

    onTemporaryBanFromBridge(details) {
      this.trigger('account_temporarily_banned_from_bridge', details);
    }

    setActiveFilter(filter) {
      this.trigger('set_active_filter', filter);
    }

    sendDeleteMsgs(chat, msgs, clearMedia) {
      this.trigger('send_delete_msgs', chat, msgs, clearMedia);
    }

    sendRevokeMsgs(chat, msgs, options) {
      this.trigger('send_revoke_msgs', chat, msgs, options);
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
}

defineModule('WAWebSocketBridgeApi', (exports, require) => {
  const command = () => {
    require('WAWebDeferredModules').load();
    return require('WAWebCmd').Cmd;
  };
  exports.SocketBridgeApi = {
    socketLogout: ({ reason }) => require('WAWebSocketModel').Socket.logout(reason),
    triggerStartingLogoutFromBridge: () => command().onStartingLogoutFromBridge(),
    triggerLogoutFromBridge: () => command().onLogoutFromBridge(),
    triggerTemporaryBanFromBridge: (details) => command().onTemporaryBanFromBridge(details),
  };
});

defineModule('WAWebBackendEventBus', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');
  const bridge = () => require('WAWebSocketBridgeApi').SocketBridgeApi;

  class BackendEventBusImpl extends EventEmitter {
    /** Tells over the bridge only: the bus itself has no such event. */
    triggerStartingLogout() {
      bridge().triggerStartingLogoutFromBridge();
    }

    triggerLogout() {
      this.trigger('logout');
      bridge().triggerLogoutFromBridge();
    }

    /** Tells over the bridge only, too. */
    triggerTemporaryBan(details) {
      bridge().triggerTemporaryBanFromBridge(details);
    }

    onRefreshQR(callback) {
      return this.on('refresh_qr', callback);
    }

    triggerRefreshQR() {
      this.trigger('refresh_qr');
    }

    triggerStorageInitializationError(error) {
      this.trigger('storage_initialization_error', error);
    }
  }
  exports.BackendEvent = {
    LOGOUT: 'logout',
    STORAGE_INITIALIZATION_ERROR: 'storage_initialization_error',
    REFRESH_QR: 'refresh_qr',
  };
  exports.BackendEventBus = new BackendEventBusImpl();
});
