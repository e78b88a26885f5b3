/*
 * Chats: finding or making one, and keeping the list.
 */
'use strict';

defineModule('WAWebMuteModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class Mute extends BaseModel {
    static defaults = () => ({ id: undefined, expiration: 0, isMuted: false });
  }
  exports.default = Mute;
  exports.MuteModel = Mute;
});

defineModule('WAWebChatModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');
  const hidden = (owner, name, value) => Object.defineProperty(owner, name, { value, writable: true });

  class Chat extends BaseModel {
    static defaults = () => ({
      id: undefined,
      t: undefined,
      unreadCount: 0,
      archive: false,
      pin: 0,
      active: false,
      isReadOnly: false,
      lastReceivedKey: undefined,
      pausedTimerId: undefined,
      groupMetadata: undefined,
      accountLid: undefined,
      acp2Setting: undefined,
    });

    initialize() {
      const { ChatMsgsCollection } = require('WAWebMsgCollection');
      hidden(this, 'msgs', new ChatMsgsCollection());
      hidden(this, 'promises', {});
      hidden(this, 'mute', new (require('WAWebMuteModel').MuteModel)({ id: this.id }));
      hidden(this, 'presence', require('WAWebPresenceCollection').PresenceCollection.add({ id: this.id }));
    }

    get contact() {
      return require('WAWebContactCollection').ContactCollection.get(this.id);
    }

    get formattedTitle() {
      return (
        this.groupMetadata?.subject ??
        require('WAWebFrontendContactGetters').getFormattedName(this.contact ?? this)
      );
    }

    get name() {
      return this.groupMetadata?.subject ?? this.contact?.name;
    }

    serialize() {
      return { ...super.serialize(), formattedTitle: this.formattedTitle, msgs: this.msgs.serialize() };
    }
  }
  Chat.prototype.proxyName = 'chat';
  exports.default = Chat;
  exports.ChatModel = Chat;
});

defineModule('WAWebChatCollection', (exports, require) => {
  const { BaseCollection } = require('WAWebBaseCollection');
  const storage = require('WAWebStorage');
  const { createWid } = require('WAWebWidFactory');

  class ChatCollectionImpl extends BaseCollection {
    static model = require('WAWebChatModel').ChatModel;

    async loadFromStorage() {
      const { lidPnCache } = require('WAWebLidPnCache');
      const { ContactCollection } = require('WAWebContactCollection');
      for (const { id, ...known } of await storage.all('model-storage', 'contact')) {
        if (known.phone && known.lid) lidPnCache.remember(known);
        ContactCollection.add({ id: createWid(id) });
      }
      for (const { id, t, unreadCount, accountLid, acp2Setting } of await storage.all(
        'model-storage',
        'chat',
      )) {
        const chat = this.add({ id: createWid(id), t, unreadCount, acp2Setting });
        if (accountLid) chat.set({ accountLid: createWid(accountLid) });
      }
    }

    /** Bring the last messages of each chat into memory, without an event of a new message. */
    async loadMessages() {
      for (const chat of this.getModelsArray()) {
        await chat.msgs.loadRecent(chat);
        chat.set({ lastReceivedKey: chat.msgs.last()?.id });
      }
    }

    async find(id) {
      return (await require('WAWebFindChatAction').findOrCreateLatestChat(this.toId(id))).chat;
    }

    activate(chat) {
      for (const other of this.getModelsArray()) other.set({ active: other === chat });
    }
  }
  exports.ChatCollectionImpl = ChatCollectionImpl;
  exports.ChatCollection = new ChatCollectionImpl();
});

defineModule('WAWebCreateChat', (exports, require, importNamespace) => {
  const storage = require('WAWebStorage');

  exports.createChatRecord = async (chat) => {
    const row = {
      id: String(chat.id),
      t: chat.t,
      unreadCount: chat.unreadCount,
      accountLid: chat.accountLid && String(chat.accountLid),
      acp2Setting: chat.acp2Setting,
    };
    await storage.put('model-storage', 'chat', row);
    return row;
  };

  /** Make a chat, with the contact it is with, and keep both. */
  exports.createChat = async (wid, { phone, lid, trouble } = {}) => {
    const chat = require('WAWebChatCollection').ChatCollection.add({ id: wid });
    if (!wid.isGroup()) {
      if (trouble !== 'noAccountLid') chat.set({ accountLid: require('WAWebWidFactory').createWid(lid) });
      if (trouble === 'acp2Restricted') chat.set({ acp2Setting: { enabled: true } });
      require('WAWebContactCollection').ContactCollection.add({ id: wid });
      await storage.put('model-storage', 'contact', { id: String(wid), phone, lid });
    }
    await importNamespace('WAWebCreateChat').createChatRecord(chat);
    return chat;
  };
});

defineModule('WAWebFindChatAction', (exports, require) => {
  const { ChatCollection } = require('WAWebChatCollection');

  function known(wid) {
    const other = require('WAWebApiContact').getAlternateUserWid(wid);
    return ChatCollection.get(wid) ?? (other && ChatCollection.get(other));
  }

  async function findOrCreateLatestChat(wid) {
    const present = known(wid);
    if (present) return { chat: present, created: false };
    if (wid.isGroup())
      return { chat: await require('WAWebGroupMetadataCollection').default.openChat(wid), created: true };
    const found = await require('WAWebQueryExistsJob').lookUp(wid);
    if (!found || found.trouble === 'noLid') throw new Error('No LID for user');
    if (found.trouble === 'lidMissing') throw new Error('Lid is missing in chat table');
    const chatWid = require('WAWebWidFactory').createWid(found.chat);
    const chat = ChatCollection.get(chatWid) ?? (await require('WAWebCreateChat').createChat(chatWid, found));
    return { chat, created: true };
  }
  exports.findOrCreateLatestChat = findOrCreateLatestChat;
  exports.findExistingChat = async (wid) => known(wid);
  exports.findChat = async (wid) => (await findOrCreateLatestChat(wid)).chat;
});

defineModule('WAWebChatGetters', (exports) => {
  Object.assign(exports, {
    getIsNewsletter: (chat) => chat.id.isNewsletter(),
    getIsBroadcast: (chat) => chat.id.isBroadcast(),
    getIsGroup: (chat) => chat.id.isGroup(),
    getShouldAppearInList: () => true,
    getPreviewMessage: (chat) => chat.msgs.last(),
    getShowChangeNumberNotification: () => false,
    getShouldShowUnreadDivider: () => false,
  });
});

defineModule('WAWebUnreadGetters', (exports) => {
  exports.getHasUnread = (chat) => chat.unreadCount !== 0;
});

defineModule('WAWebUpdateUnreadChatAction', (exports, require, importNamespace) => {
  const { transport } = require('WAWebTransport');

  /** While nobody is at the page this is put off until somebody is, unless that is not wanted. */
  exports.sendSeen = async ({ chat, afterAvailable = true }) => {
    const { Stream } = require('WAWebStreamModel');
    if (chat.unreadCount && afterAvailable && !Stream.available) {
      Stream.once('change:available', () => exports.sendSeen({ chat }));
      return;
    }
    const unread = chat.msgs.filter((msg) => !msg.id.fromMe).slice(-Math.max(chat.unreadCount, 0));
    if (!chat.unreadCount) return;
    chat.set({ unreadCount: 0 });
    await importNamespace('WAWebCreateChat').createChatRecord(chat);
    await transport.request('read', { chat: String(chat.id), ids: unread.map((msg) => msg.id.id) });
  };
  exports.markUnread = async (chat, unread) => {
    chat.set({ unreadCount: unread ? -1 : 0 });
  };
});

defineModule('WAWebGetEphemeralFieldsMsgActionsUtils', (exports) => {
  exports.getEphemeralFields = () => ({});
});
