/*
 * Reactions: the table, what comes in, what this page sends.
 */
'use strict';

defineModule('WAWebAddonProcessor', (exports, require) => {
  const MsgKey = require('WAWebMsgKey');
  const { createWid } = require('WAWebWidFactory');

  /** The key that a message which others name has on this page. */
  function targetKey({ id, mine, author }, chat) {
    const participant = chat.id.isGroup() ? createWid(author) : undefined;
    return new MsgKey({ fromMe: mine, remote: chat.id, id, participant });
  }

  /** What came does something to another message. */
  exports.process = async ({ frame, chat, msg, missed }) => {
    const key = targetKey(frame.message.target, chat);
    if (msg.type === 'reaction') return require('WAWebReactionsJob').receive(msg, key, missed);
    if (msg.type === 'poll_update') return require('WAWebPollVotesJob').receive(msg, key);
    msg.set({ protocolMessageKey: key }, { silent: true });
    if (msg.subtype === 'message_edit') {
      return require('WAWebDBProcessEditProtocolMsgs').processEditProtocolMsgs([msg]);
    }
    if (missed) return require('WAWebRevokeMsgAction').revoke(msg);
    return require('WAWebMsgCollection').MsgCollection.processMultipleMessages(chat.id, [msg]);
  };
});

defineModule('WAWebReactionDataUtils', (exports) => {
  exports.reactionMsgDataToReactionRow = (data) => ({
    msgKey: String(data.id),
    parentMsgKey: String(data.reactionParentKey),
    senderUserJid: String(data.author ?? data.from),
    reactionText: data.reactionText,
    timestamp: data.reactionTimestamp,
    t: data.t,
    ack: data.ack,
    orphan: 0,
    read: data.read,
  });
});

defineModule('WAWebAddonReactionTableMode', (exports, require) => {
  const storage = require('WAWebStorage');
  const { reactionMsgDataToReactionRow } = require('WAWebReactionDataUtils');
  exports.reactionTableMode = {
    async bulkUpsert(reactions) {
      for (const row of reactions.map(reactionMsgDataToReactionRow)) {
        await storage.put('model-storage', 'reactions', row);
      }
    },
    async updateAck(reaction, ack) {
      const { parentMsgKey, senderUserJid } = reactionMsgDataToReactionRow(reaction);
      await storage.update('model-storage', 'reactions', [parentMsgKey, senderUserJid], () => ({ ack }));
    },
  };
});

defineModule('WAWebDBGetReactions', (exports, require) => {
  const storage = require('WAWebStorage');
  const TAKEN_BACK = '';

  /** The reactions to a message: those with one sign together, and the own one. */
  exports.getReactions = async (parentMsgKey) => {
    const rows = await storage.byIndex('model-storage', 'reactions', 'parentMsgKey', String(parentMsgKey));
    const present = rows.filter(({ reactionText }) => reactionText !== TAKEN_BACK);
    const reactionByMe = present.find(({ msgKey }) => msgKey.startsWith('true_')) ?? null;
    const signs = new Set(present.map(({ reactionText }) => reactionText));
    const reactions = [...signs].map((aggregateEmoji) => ({
      aggregateEmoji,
      senders: present.filter(({ reactionText }) => reactionText === aggregateEmoji),
      hasReactionByMe: reactionByMe?.reactionText === aggregateEmoji,
    }));
    return { reactions, reactionByMe };
  };
});

defineModule('WAWebReactionsMsgAction', (exports, require, importNamespace) => {
  /** Show a reaction at its message. */
  exports.addOrUpdateReactionsModelCollection = async ({ parentMsgKey }) => {
    const msg = require('WAWebMsgCollection').MsgCollection.get(parentMsgKey);
    const { reactions } = await require('WAWebDBGetReactions').getReactions(parentMsgKey);
    const hasReaction = reactions.length > 0;
    await importNamespace('WAWebDBUpdateMessageTable').updateMessageTable(parentMsgKey, { hasReaction });
    msg?.set({ hasReaction });
  };
});

defineModule('WAWebReactionsJob', (exports, require, importNamespace) => {
  const { reactionMsgDataToReactionRow } = require('WAWebReactionDataUtils');

  /** Keep a reaction; the last one of each sender counts. */
  exports.keep = async (data, { missed = false, allowNotify }) => {
    await require('WAWebAddonReactionTableMode').reactionTableMode.bulkUpsert([data]);
    if (missed) return;
    const row = reactionMsgDataToReactionRow(data);
    await importNamespace('WAWebReactionsMsgAction').addOrUpdateReactionsModelCollection(row, { allowNotify });
  };

  exports.receive = (msg, reactionParentKey, missed) => {
    const { id, from, to, author, t, reactionText } = msg;
    const reactionTimestamp = t * 1000;
    const data = { id, from, to, author, t, reactionText, reactionParentKey, reactionTimestamp };
    return exports.keep({ ...data, type: 'reaction', ack: 1, read: false }, { missed, allowNotify: true });
  };
});

defineModule('WAWebSendReactionMsgAction', (exports, require, importNamespace) => {
  const MsgKey = require('WAWebMsgKey');
  const { ACK } = require('WAWebAck');

  async function reactionTo(msg, reactionText) {
    const { getMePnUserOrThrow, getMeLidUserOrThrow } = require('WAWebUserPrefsMeUser');
    const { remote } = msg.id;
    const from = remote.isLid() || remote.isGroup() ? getMeLidUserOrThrow() : getMePnUserOrThrow();
    const participant = remote.isGroup() ? from : undefined;
    const id = new MsgKey({ from, to: remote, id: await MsgKey.newId(), participant, selfDir: 'out' });
    const now = Date.now();
    const times = { t: Math.floor(now / 1000), reactionTimestamp: now };
    const about = { id, from, to: remote, author: participant, reactionParentKey: msg.id, reactionText };
    return { ...about, ...times, type: 'reaction', ack: ACK.CLOCK, read: true };
  }

  /** React to a message; an empty text takes the reaction back. Shown first, sent then. */
  exports.sendReactionToMsg = async (msg, reactionText) => {
    const data = await reactionTo(msg, reactionText);
    await require('WAWebReactionsJob').keep(data, { allowNotify: false });
    const { error } = await importNamespace('WAWebSendMsgJob').encryptAndSendMsg({ data });
    const { reactionTableMode } = require('WAWebAddonReactionTableMode');
    await reactionTableMode.updateAck(data, error ? ACK.FAILED : ACK.SENT);
    if (error) throw new Error('Reaction send error');
  };
});
