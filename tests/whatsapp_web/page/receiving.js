/*
 * Receiving: messages of others, and receipts for our own.
 */
'use strict';

defineModule('WAWebHandleSingleMsg', (exports, require, importNamespace) => {
  const { createWid } = require('WAWebWidFactory');
  const table = require('WAWebMsgTable');

  async function chatFor(frame) {
    const { ChatCollection } = require('WAWebChatCollection');
    const wid = createWid(frame.chat);
    if (wid.isGroup()) return (await require('WAWebFindChatAction').findOrCreateLatestChat(wid)).chat;
    require('WAWebLidPnCache').lidPnCache.remember(frame);
    const known = await require('WAWebFindChatAction').findExistingChat(wid);
    return known ?? ChatCollection.get(wid) ?? require('WAWebCreateChat').createChat(wid, frame);
  }

  function toModel(frame, chat) {
    const MsgKey = require('WAWebMsgKey');
    const { MsgModel } = require('WAWebMsgModel');
    const me = require('WAWebUserPrefsMeUser');
    const author = frame.author ? createWid(frame.author) : undefined;
    const id = new MsgKey({ fromMe: false, remote: chat.id, id: frame.id, participant: author });
    const to = chat.id.isLid() ? me.getMaybeMeLidUser() : me.getMaybeMePnUser();
    return new MsgModel({
      ...frame.message,
      id,
      from: chat.id,
      to,
      author,
      t: frame.t,
      ack: 1,
      self: 'in',
      isNewMsg: true,
    });
  }

  /** What came before the page was ready goes into the table: no event tells of it. */
  async function keep(chat, msg) {
    await table.storeMessages([msg]);
    const unreadCount = Math.max(chat.unreadCount, 0) + 1;
    chat.set({ t: msg.t, unreadCount }, { silent: true });
    await importNamespace('WAWebCreateChat').createChatRecord(chat);
  }

  /** Put the content into a message that had come without; tell whether there was one. */
  async function fillsIn(msg) {
    const kept = await table.readMessage(msg.id);
    if (kept?.type !== 'ciphertext' || msg.type === 'ciphertext') return false;
    await table.fillIn(msg);
    require('WAWebMsgCollection').MsgCollection.get(msg.id)?.fillIn(msg.attributes);
    return true;
  }

  exports.handleSingleMsg = async (chatId, msg) => {
    const { MsgCollection } = require('WAWebMsgCollection');
    await MsgCollection.processMultipleMessages(chatId, [msg]);
  };
  exports.receive = async (frame) => {
    const chat = await chatFor(frame);
    const msg = toModel(frame, chat);
    const missed = frame.offline && !require('WAWebSocketModel').Socket.hasSynced;
    if (frame.message.target) {
      await require('WAWebAddonProcessor').process({ frame, chat, msg, missed });
      return;
    }
    if (await fillsIn(msg)) return;
    if (missed) await keep(chat, msg);
    else await importNamespace('WAWebHandleSingleMsg').handleSingleMsg(chat.id, msg);
  };
});

defineModule('WAWebHandleMsgReceipt', (exports, require, importNamespace) => {
  const { ACK } = require('WAWebAck');
  const { createWid } = require('WAWebWidFactory');
  const ackOf = { delivery: ACK.RECEIVED, read: ACK.READ };
  const MsgKey = require('WAWebMsgKey');
  const table = require('WAWebMsgTable');

  function keysOf(data, id) {
    const { getAlternateUserWid } = require('WAWebApiContact');
    const me = require('WAWebUserPrefsMeUser').getMaybeMeLidUser();
    if (data.from.isGroup()) return [new MsgKey({ fromMe: true, remote: data.from, id, participant: me })];
    const chats = [data.from, getAlternateUserWid(data.from)].filter(Boolean);
    return chats.map((remote) => new MsgKey({ fromMe: true, remote, id }));
  }

  async function apply(data) {
    const { MsgCollection } = require('WAWebMsgCollection');
    for (const id of data.externalIds) {
      for (const key of keysOf(data, id)) {
        const msg = await MsgCollection.fetch(key);
        if (!msg) continue;
        msg.updateAck(data.ack);
        await importNamespace('WAWebDBUpdateMessageTable').updateMessageTable(key, { ack: msg.ack });
        const reader = String(data.participant ?? data.from);
        await table.addReceipt(key, { id: reader, kind: data.ackString, t: data.ts });
      }
    }
  }

  exports.toSimpleReceipt = (frame) => ({
    type: 'receipt',
    stanzaId: frame.ids[0],
    externalIds: frame.ids,
    from: createWid(frame.chat),
    participant: frame.participant ? createWid(frame.participant) : null,
    recipient: null,
    ts: frame.t,
    ack: ackOf[frame.kind],
    ackString: frame.kind,
    offline: null,
  });
  exports.applyReceipt = apply;
});

defineModule('WAWebHandleChatSimpleReceipt', (exports, require) => {
  exports.handleChatSimpleReceipt = (data) => require('WAWebHandleMsgReceipt').applyReceipt(data);
});

defineModule('WAWebHandleGroupSimpleReceipt', (exports, require) => {
  exports.handleGroupSimpleReceipt = (data) => require('WAWebHandleMsgReceipt').applyReceipt(data);
});

defineModule('WAWebHandleStatusSimpleReceipt', (exports, require) => {
  exports.handleStatusSimpleReceipt = (data) => require('WAWebHandleMsgReceipt').applyReceipt(data);
});

defineModule('WAWebInbox', (exports, require, importNamespace) => {
  const { transport } = require('WAWebTransport');
  let last = Promise.resolve();
  let handled = [];

  /** Tell the server, for all that came together; what it is not told of comes again. */
  function confirm(mail) {
    if (!handled.length) setTimeout(() => transport.request('handled', { mail: handled.splice(0) }).catch(() => {}));
    handled.push(mail);
  }

  /** Handle what comes one after the other, in the order in which it came. */
  const inOrder = ({ mail }, work) => {
    last = last
      .then(work)
      .catch((error) => {
        if (error?.name !== 'DuplicateMessageError') throw error;
      })
      .then(() => confirm(mail))
      .catch((error) => console.error(error));
  };

  function receipt(frame) {
    const data = require('WAWebHandleMsgReceipt').toSimpleReceipt(frame);
    if (data.from.isGroup())
      return importNamespace('WAWebHandleGroupSimpleReceipt').handleGroupSimpleReceipt(data);
    return importNamespace('WAWebHandleChatSimpleReceipt').handleChatSimpleReceipt(data);
  }

  exports.listen = () => {
    transport.on('push:message', (frame) => inOrder(frame, () => require('WAWebHandleSingleMsg').receive(frame)));
    transport.on('push:receipt', (frame) => inOrder(frame, () => receipt(frame)));
  };
  exports.handled = () => last;
});
