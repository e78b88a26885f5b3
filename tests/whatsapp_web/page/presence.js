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
  exports.markComposing = bridge.sendChatStateComposing;
  exports.markRecording = bridge.sendChatStateRecording;
  exports.markPaused = bridge.sendChatStatePaused;
});

defineModule('WAWebContactPresenceBridge', (exports, require) => {
  exports.subscribePresence = async (wid) =>
    (await require('WAWebPresenceCollection').PresenceCollection.find(wid)).subscribe();
});
