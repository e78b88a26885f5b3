/*
 * Messages: the model, the collection of all, the collection of one chat, and the table they are kept in.
 */
'use strict';

defineModule('WAWebMsgModel', (exports, require) => {
  const { BaseModel } = require('WAWebBaseModel');

  class Msg extends BaseModel {
    static defaults = () => ({
      id: undefined,
      type: 'chat',
      body: undefined,
      t: undefined,
      from: undefined,
      to: undefined,
      author: undefined,
      ack: 0,
      isNewMsg: false,
      caption: undefined,
      quotedStanzaID: undefined,
      latestEditMsgKey: undefined,
      directPath: undefined,
      star: false,
    });

    initialize() {
      this.completeMedia();
    }

    get isMedia() {
      return Boolean(this.directPath);
    }

    /** Bring the file into memory. Failures show in the stage of `mediaData` only. */
    async downloadMedia(options) {
      if (this.type !== 'revoked') await require('WAWebMediaMmsV4Download').downloadMedia(this, options);
    }

    /** Give a message with a file, which was received or read from the table, what describes the file. */
    completeMedia() {
      if (!this.directPath || this.mediaData) return;
      const { type, mimetype, size, filehash, filename } = this;
      const MediaData = require('WAWebMediaDataModel').default;
      this.set({ mediaData: new MediaData({ type, mimetype, size, filehash, filename }) }, { silent: true });
    }

    /** Take over what came for a message that was there without its content. */
    fillIn({ id, t, from, to, author, isNewMsg, ack, ...content }) {
      this.set(content, { silent: true });
      this.completeMedia();
      this.__tell(Object.entries(content).map(([name, value]) => [name, value, undefined]));
    }

    get mediaObject() {
      return this.isMedia ? this.mediaData : undefined;
    }

    get isStatusV3() {
      return false;
    }

    get isEphemeral() {
      return false;
    }

    get sender() {
      return this.author ?? this.from;
    }

    get senderObj() {
      const { ContactModel } = require('WAWebContactModel');
      const { ContactCollection } = require('WAWebContactCollection');
      return ContactCollection.get(this.sender) ?? new ContactModel({ id: this.sender });
    }

    mayFail() {
      return this.id.fromMe && this.ack < 1;
    }

    /** What a reply to this message carries about it. */
    msgContextInfo() {
      const { id, type, body, caption } = this;
      return {
        quotedMsg: { type, body, caption },
        quotedStanzaID: id.id,
        quotedParticipant: id.participant ?? this.from,
      };
    }

    updateAck(ack) {
      const better = ack < 0 ? this.ack === 0 : ack > this.ack;
      if (better) this.set({ ack });
    }

    avParams() {
      return {};
    }
  }
  Msg.prototype.proxyName = 'msg';
  exports.default = Msg;
  exports.MsgModel = Msg;
});

defineModule('WAWebMsgTable', (exports, require) => {
  const storage = require('WAWebStorage');
  const IDS = ['from', 'to', 'author', 'quotedParticipant'];
  const KEYS = ['latestEditMsgKey', 'protocolMessageKey'];
  const LEFT_OUT = ['mediaData', 'isNewMsg'];
  // What a message says is not to be read from its row as it is.
  const OPAQUE = [
    'body', 'caption', 'lat', 'lng', 'loc', 'pollName', 'pollOptions', 'vcardFormattedName', 'vcardList',
  ];
  let lastRowId = 0;

  class DuplicateMessageError extends Error {
    name = 'DuplicateMessageError';
  }

  const nextRowId = () => {
    lastRowId = Math.max(lastRowId + 1, Date.now() * 1000);
    return lastRowId;
  };

  const decoded = (data) => (data ? JSON.parse(new TextDecoder().decode(data.map((byte) => byte ^ 255))) : {});
  const encoded = (content) => new TextEncoder().encode(JSON.stringify(content)).map((byte) => byte ^ 255);

  /** Put what is not to be read into one field, together with what is in there. */
  function hide(row, known) {
    const hidden = Object.entries(row).filter(([name]) => OPAQUE.includes(name));
    const open = Object.fromEntries(Object.entries(row).filter(([name]) => !OPAQUE.includes(name)));
    const content = { ...decoded(known), ...Object.fromEntries(hidden) };
    return { ...open, msgRowOpaqueData: encoded(content) };
  }

  function toRow(msg) {
    const row = { rowId: nextRowId(), chatId: String(msg.id.remote) };
    for (const [name, value] of Object.entries(msg.attributes)) {
      if (value !== undefined && !LEFT_OUT.includes(name))
        row[name] = value && [...IDS, ...KEYS].includes(name) ? String(value) : value;
    }
    const mentionedJidList = msg.mentionedJidList?.map(String);
    return hide({ ...row, ...(mentionedJidList && { mentionedJidList }), id: String(msg.id) });
  }

  function fromRow({ rowId, chatId, receipts, msgRowOpaqueData, ...open }) {
    const row = { ...open, ...decoded(msgRowOpaqueData) };
    const { createWid } = require('WAWebWidFactory');
    const wids = IDS.filter((name) => row[name]).map((name) => [name, createWid(row[name])]);
    const { MsgModel } = require('WAWebMsgModel');
    const MsgKey = require('WAWebMsgKey');
    const keys = KEYS.filter((name) => row[name]).map((name) => [name, MsgKey.fromString(row[name])]);
    return new MsgModel({
      ...row,
      ...Object.fromEntries([...wids, ...keys]),
      id: MsgKey.fromString(row.id),
    });
  }

  /** Keep new messages. One that is there already is an error, as in the real page. */
  exports.storeMessages = async (msgs) => {
    for (const msg of msgs) {
      try {
        await storage.add('model-storage', 'message', toRow(msg));
      } catch (error) {
        if (error?.name !== 'ConstraintError') throw error;
        throw new DuplicateMessageError(`message already stored: ${msg.id}`);
      }
    }
  };
  /** Keep the content of a message that was kept without. */
  exports.fillIn = (msg) => {
    const { rowId, ...content } = toRow(msg);
    return storage.update('model-storage', 'message', String(msg.id), () => content);
  };
  /** Keep what is left of a message that was revoked, under its new key and in its former place. */
  exports.replaceRevoked = async (key, msg) => {
    const { rowId } = await storage.get('model-storage', 'message', String(key));
    await storage.replace('model-storage', 'message', String(key), { ...toRow(msg), rowId });
  };
  exports.updateMessageTable = (key, changes) =>
    storage.update('model-storage', 'message', String(key), (row) => hide(changes, row.msgRowOpaqueData));
  exports.removeMessage = (key) => storage.remove('model-storage', 'message', String(key));
  exports.addReceipt = (key, receipt) =>
    storage.update('model-storage', 'message', String(key), ({ receipts = [] }) => ({
      receipts: [...receipts.filter(({ id, kind }) => id !== receipt.id || kind !== receipt.kind), receipt],
    }));
  exports.readReceipts = async (key) =>
    (await storage.get('model-storage', 'message', String(key)))?.receipts ?? [];
  exports.readMessage = async (key) => {
    const row = await storage.get('model-storage', 'message', String(key));
    return row && fromRow(row);
  };
  exports.readChat = async (chatId, count) => {
    const rows = await storage.byIndex('model-storage', 'message', 'chatId', String(chatId));
    return rows
      .sort((one, other) => one.rowId - other.rowId)
      .slice(-count)
      .map(fromRow);
  };
  exports.readAround = async (key, count, direction) => {
    const rows = await storage.byIndex('model-storage', 'message', 'chatId', String(key.remote));
    const ordered = rows.sort((one, other) => one.rowId - other.rowId);
    const place = ordered.findIndex((row) => row.id === String(key));
    const before = direction === 'before';
    const found = before ? ordered.slice(0, Math.max(place, 0)).slice(-count) : ordered.slice(place + 1);
    return (before ? found : found.slice(0, count)).map(fromRow);
  };
  exports.fromRow = fromRow;
  exports.DuplicateMessageError = DuplicateMessageError;
});

defineModule('WAWebMsgCollection', (exports, require, importNamespace) => {
  const { BaseCollection } = require('WAWebBaseCollection');
  const table = require('WAWebMsgTable');
  const A_DAY = 86400;
  const FEW = 5;
  const MANY_UNREAD = 20;

  /** How many messages of a chat come into memory at the start; all others are in the table alone. */
  function recentCount({ t, unreadCount }) {
    const fresh = t && t > Date.now() / 1000 - A_DAY;
    if (!fresh || !unreadCount) return 1;
    return unreadCount < MANY_UNREAD ? Math.max(unreadCount, 0) + FEW : 2 * FEW;
  }

  class ChatMsgsCollection extends BaseCollection {
    static model = require('WAWebMsgModel').MsgModel;
    loadAroundPromise = Promise.resolve();

    async loadRecent(chat) {
      const recent = await table.readChat(chat.id, recentCount(chat));
      for (const msg of recent) exports.MsgCollection.adopt(msg);
    }
  }

  class MsgCollectionImpl extends BaseCollection {
    static model = require('WAWebMsgModel').MsgModel;

    /** Take in a message that was read from the table: known from now on, but not new. */
    adopt(msg) {
      const kept = this.add(msg, { merge: false });
      require('WAWebChatCollection').ChatCollection.get(kept.id.remote)?.msgs.add(kept, { merge: false });
      return kept;
    }

    async fetch(key) {
      const known = this.get(key);
      if (known) return known;
      const read = await table.readMessage(key);
      return read && this.adopt(read);
    }

    async getMessagesById(keys) {
      const found = await Promise.all(keys.map((key) => this.fetch(key)));
      return { messages: found.filter(Boolean) };
    }

    /** Take in messages that came from outside; one that revokes another is none of its own. */
    async processMultipleMessages(chatId, msgs) {
      const { ChatCollection } = require('WAWebChatCollection');
      const chat = ChatCollection.get(chatId);
      for (const msg of msgs) {
        if (msg.type === 'protocol') {
          await require('WAWebRevokeMsgAction').revoke(msg);
          continue;
        }
        await table.storeMessages([msg]);
        chat.msgs.add(msg);
        chat.set({ t: msg.t, lastReceivedKey: msg.id });
        this.add(msg);
        chat.set({ unreadCount: Math.max(chat.unreadCount, 0) + 1 });
      }
      await importNamespace('WAWebCreateChat').createChatRecord(chat);
    }
  }
  Object.assign(exports, { MsgCollectionImpl, ChatMsgsCollection, MsgCollection: new MsgCollectionImpl() });
});

defineModule('WAWebDBUpdateMessageTable', (exports, require) => {
  exports.updateMessageTable = (key, changes) => require('WAWebMsgTable').updateMessageTable(key, changes);
});

defineModule('WAWebDBMessageFindLocal', (exports, require) => {
  const find = async (anchor, count, direction) => {
    const { MsgCollection } = require('WAWebMsgCollection');
    const read = await require('WAWebMsgTable').readAround(anchor, count, direction);
    return { status: 200, messages: read.map((msg) => MsgCollection.adopt(msg)) };
  };
  exports.msgFindByDirection = ({ anchor, count, direction }) => find(anchor, count, direction);
  exports.msgFindBefore = ({ anchor, count }) => find(anchor, count, 'before');
  exports.msgFindAfter = ({ anchor, count }) => find(anchor, count, 'after');
});

defineModule('WAWebMsgInfoCollection', (exports, require) => {
  const { BaseCollection } = require('WAWebBaseCollection');
  const { BaseModel } = require('WAWebBaseModel');

  class MsgInfoCollection extends BaseCollection {
    static model = class MsgInfo extends BaseModel {};

    /** Who has got a message, and who has read it. */
    async find(key) {
      const receipts = await require('WAWebMsgTable').readReceipts(key);
      const { createWid } = require('WAWebWidFactory');
      const of = (kind) =>
        receipts.filter((one) => one.kind === kind).map(({ id, t }) => ({ id: createWid(id), t }));
      const none = { played: [], deliveryRemaining: 0, readRemaining: 0, playedRemaining: 0 };
      return new this.modelClass({ id: key, delivery: of('delivery'), read: of('read'), ...none });
    }
  }
  exports.MsgInfoCollection = new MsgInfoCollection();
});

defineModule('WAWebChatMessageSearch', (exports, require) => {
  exports.getSearchContext = (chat, msg) => {
    const { ChatMsgsCollection, MsgCollection } = require('WAWebMsgCollection');
    const key = msg?.id?.remote ? msg.id : msg;
    const collection = new ChatMsgsCollection();
    collection.loadAroundPromise = MsgCollection.fetch(key).then((found) => found && collection.add(found));
    return { collection, key, highlightMsg: true };
  };
});

defineModule('WAWebMsgReply', (exports) => {
  exports.canReplyMsg = (msg) => msg.type !== 'revoked' && msg.type !== 'ciphertext';
});

defineModule('WAWebQuotedMsgModelUtils', (exports, require) => {
  exports.getQuotedMsgObj = (msg) => {
    if (!msg.quotedStanzaID) return undefined;
    const { MsgCollection } = require('WAWebMsgCollection');
    return MsgCollection.findFirst(
      (other) => other.id.id === msg.quotedStanzaID && other.id.remote.equals(msg.id.remote),
    );
  };
});

defineModule('WAWebMsgDataFromModel', (exports) => {
  exports.msgDataFromMsgModel = (msg) => ({ ...msg.attributes });
});

defineModule('WAWebMsgGetters', (exports) => {
  exports.isUnreadTypeMsg = (msg) => !['gp2', 'e2e_notification', 'protocol'].includes(msg.type);
});

defineModule('WAWebLinkPreviewChatAction', (exports) => {
  exports.getLinkPreview = async (link) => ({
    data: { title: 'A preview', canonicalUrl: link.href ?? link },
  });
});

defineModule('WALinkify', (exports) => {
  const LINK = /https?:\/\/[^\s]+/g;
  exports.findLinks = (text) =>
    [...String(text ?? '').matchAll(LINK)].map(([href]) => ({ href, suspiciousCharacters: null }));
  exports.findLink = (text) => exports.findLinks(text)[0];
  exports.findFirstWebLink = (text) => exports.findLink(text)?.href;
});
