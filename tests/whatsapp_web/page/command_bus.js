/*
 * The two buses on which the page's parts tell each other what happened.
 */
'use strict';

defineModule('WAWebCmd', (exports, require) => {
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

    onTemporaryBanFromBridge(details) {
      this.trigger('account_temporarily_banned_from_bridge', details);
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

defineModule('WAWebBackendEventBus', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');

  class BackendEventBusImpl extends EventEmitter {
    triggerTemporaryBan(details) {
      this.trigger('account_temporarily_banned', details);
      require('WAWebCmd').Cmd.onTemporaryBanFromBridge(details);
    }

    triggerStorageInitializationError(error) {
      this.trigger('storage_initialization_error', error);
    }
  }
  exports.BackendEvent = {
    STORAGE_INITIALIZATION_ERROR: 'storage_initialization_error',
    ACCOUNT_TEMPORARILY_BANNED: 'account_temporarily_banned',
  };
  exports.BackendEventBus = new BackendEventBusImpl();
});
