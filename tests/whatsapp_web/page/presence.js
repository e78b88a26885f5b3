/*
 * Presence: who is online, who is typing.
 */
'use strict';

defineModule('WAWebPresenceCollection', (exports, require) => {
  const { BaseCollection } = require('WAWebBaseCollection');
  const { BaseModel } = require('WAWebBaseModel');

  class Chatstate extends BaseModel {
    static defaults = () => ({ type: 'unavailable', t: undefined, deny: false });
  }

  class Presence extends BaseModel {
    static defaults = () => ({
      id: undefined,
      chatstate: new Chatstate(),
      isOnline: false,
      hasData: false,
      isSubscribed: false,
    });

    async subscribe() {
      if (require('WAWebServerMood').now().presenceHang) await new Promise(() => {});
      this.set({ isSubscribed: true });
    }

    get isUser() {
      return this.id.isUser();
    }

    get isGroup() {
      return this.id.isGroup();
    }
  }

  class PresenceCollection extends BaseCollection {
    static model = Presence;
  }
  Object.assign(exports, {
    Presence,
    Chatstate,
    ChatstateCollection: BaseCollection,
    PresenceCollection: new PresenceCollection(),
  });
});

defineModule('WAWebChatStateBridge', (exports, require) => {
  const say = (type) => async (chat) =>
    require('WAWebEvents').tell('chatstate', { chat: chat?.id ?? chat, type });
  Object.assign(exports, {
    sendChatStateComposing: say('composing'),
    sendChatStateRecording: say('recording'),
    sendChatStatePaused: say('paused'),
  });
});

defineModule('WAWebPresenceChatAction', (exports, require) => {
  const bridge = require('WAWebChatStateBridge');
  const PAUSED_AFTER_MS = 2500;

  function identifierOf(chat) {
    if (!require('WAWebLidMigrationUtils').shouldHaveAccountLid(chat.id)) return chat.id;
    if (chat.accountLid == null)
      throw new Error(
        '[presence] getChatIdentifier: lid-migrated client does not have an accountLid!',
      );
    return chat.accountLid;
  }

  function mark(chat, tell) {
    tell(identifierOf(chat));
    clearTimeout(chat.pausedTimerId);
    chat.set({ pausedTimerId: setTimeout(() => exports.markPaused(chat), PAUSED_AFTER_MS) });
  }

  exports.markComposing = (chat) => mark(chat, bridge.sendChatStateComposing);
  exports.markRecording = (chat) => mark(chat, bridge.sendChatStateRecording);
  exports.markPaused = (chat) => {
    clearTimeout(chat.pausedTimerId);
    bridge.sendChatStatePaused(identifierOf(chat));
  };
});

defineModule('WAWebContactPresenceBridge', (exports, require) => {
  exports.subscribePresence = async (wid) =>
    (await require('WAWebPresenceCollection').PresenceCollection.find(wid)).subscribe();
});
