/*
 * Sending: keep the message, hand it to the server when the line allows, note the answer.
 */
'use strict';

defineModule('WAWebE2EProtoUtils', (exports) => {
  const TYPES = { mediaMessage: 'media', reactionMessage: 'reaction', pollCreationMessage: 'poll' };
  exports.typeAttributeFromProtobuf = (proto) => TYPES[Object.keys(proto)[0]] ?? 'text';
});

defineModule('WAWebBackendJobsCommon', (exports) => {
  exports.mediaTypeFromProtobuf = (proto) => proto.mediaMessage?.type ?? null;
  exports.encodeMaybeMediaType = (type) => type ?? undefined;
});

defineModule('WAWebE2EProtoGenerator', (exports) => {
  const CARRIED = [
    'body',
    'caption',
    'type',
    'subtype',
    'quotedStanzaID',
    'quotedMsg',
    'directPath',
    'mediaKey',
    'mimetype',
    'filename',
    'size',
    'filehash',
    'title',
    'canonicalUrl',
    'reactionText',
    'lat',
    'lng',
    'loc',
    'vcardFormattedName',
    'vcardList',
    'pollName',
    'pollOptions',
    'pollSelectableOptionsCount',
  ];
  const NAMES = {
    reaction: 'reactionMessage',
    protocol: 'protocolMessage',
    location: 'locationMessage',
    vcard: 'contactMessage',
    multi_vcard: 'contactsArrayMessage',
    poll_creation: 'pollCreationMessage',
  };

  /** Turn a message into what travels. */
  exports.createMsgProtobuf = (data) => {
    const content = {};
    for (const name of CARRIED) if (data[name] != null) content[name] = data[name];
    const target = data.protocolMessageKey ?? data.reactionParentKey;
    if (target) content.target = target.id;
    if (data.quotedParticipant) content.quotedParticipant = String(data.quotedParticipant);
    if (data.mentionedJidList?.length) content.mentionedJidList = data.mentionedJidList.map(String);
    return { [NAMES[data.type] ?? (data.directPath ? 'mediaMessage' : 'extendedTextMessage')]: content };
  };
});

defineModule('WAWebSendMsgJob', (exports, require, importNamespace) => {
  const { transport, NetworkError } = require('WAWebTransport');
  const NOT_LOGGED_IN = 428; // another page has taken over, and this one will be told
  const pendingByKey = new Map();

  function stanza(data) {
    const proto = importNamespace('WAWebE2EProtoGenerator').createMsgProtobuf(data);
    return {
      id: data.id.id,
      to: String(data.to),
      kind: importNamespace('WAWebE2EProtoUtils').typeAttributeFromProtobuf(proto),
      mediatype: importNamespace('WAWebBackendJobsCommon').mediaTypeFromProtobuf(proto),
      message: Object.values(proto)[0],
    };
  }

  /** Send until the server has answered: while this page lives, what is pending goes out on reconnect. */
  exports.encryptAndSendMsg = async ({ data }) => {
    if (!require('WAComms').getComms()) throw new Error('a stanza was to be sent after the comms had stopped');
    for (;;) {
      await require('WAWebConnection').whenReady();
      try {
        const { t } = await transport.request('send', stanza(data));
        return { t, sync: null, phash: null, addressingMode: null, count: null, error: null };
      } catch (error) {
        const replaced = error.status === NOT_LOGGED_IN;
        if (!replaced && !(error instanceof NetworkError)) return { t: null, error: error.status };
        await new Promise((resolve) => setTimeout(resolve)); // or nothing else would come to its turn
      }
    }
  };

  /** One message is sent by one job at a time, however often it is asked for. */
  exports.sendOnce = (data) => {
    const key = String(data.id);
    if (!pendingByKey.has(key)) {
      const job = importNamespace('WAWebSendMsgJob').encryptAndSendMsg({ data });
      pendingByKey.set(key, job);
      job.finally(() => pendingByKey.delete(key));
    }
    return pendingByKey.get(key);
  };
});

defineModule('WAWebSendMsgRecordAction', (exports, require, importNamespace) => {
  const { ACK } = require('WAWebAck');

  const NEW_CHATS_CAPPED = 475;

  async function note(msg, ack, changes = {}) {
    msg.updateAck(ack);
    msg.set(changes);
    await importNamespace('WAWebDBUpdateMessageTable').updateMessageTable(msg.id, {
      ...changes,
      ack: msg.ack,
    });
  }

  async function noteRefusal(msg, code) {
    const errorCode = code === NEW_CHATS_CAPPED ? 'UserReachedMaxMonthlyLimitForNewMessages' : undefined;
    await note(msg, ACK.FAILED, { isSendFailure: true, ...(errorCode && { errorCode }) });
  }

  /** Send a stored message, under the id that it has. Never throws: the result says how it went. */
  exports.sendMsgRecord = async (msg) => {
    if (msg.isUnsentMedia) return { messageSendResult: 'ERROR_UPLOAD' };
    const chat = require('WAWebChatCollection').ChatCollection.get(msg.id.remote);
    if (chat?.acp2Setting?.enabled) {
      await note(msg, ACK.FAILED, { isSendFailure: true, errorCode: 'Acp2Restricted' });
      return { messageSendResult: 'ERROR_UNKNOWN' };
    }
    if (chat) importNamespace('WAWebUpdateUnreadChatAction').sendSeen({ chat }).catch(() => {});
    try {
      const answer = await require('WAWebSendMsgJob').sendOnce(msg.attributes);
      if (answer?.error) {
        await noteRefusal(msg, answer.error);
        return { messageSendResult: 'ERROR_UNKNOWN', ackErrorCode: answer.error, t: null };
      }
      await note(msg, ACK.SENT);
      return { messageSendResult: 'OK', t: answer.t, count: null };
    } catch {
      return { messageSendResult: 'ERROR_UNKNOWN', t: null };
    }
  };
});

defineModule('WAWebSendMsgChatAction', (exports, require, importNamespace) => {
  const table = require('WAWebMsgTable');

  /** Put a message into its chat and into the table. */
  exports.addMsgToChat = async (chat, raw) => {
    const { MsgCollection } = require('WAWebMsgCollection');
    const { MsgModel } = require('WAWebMsgModel');
    const present = MsgCollection.get(raw.id);
    const msg = present ?? new MsgModel(raw);
    await table.storeMessages([msg]);
    chat.msgs.add(msg);
    MsgCollection.add(msg, { merge: false });
    chat.set({ t: msg.t, lastReceivedKey: msg.id });
    await importNamespace('WAWebCreateChat').createChatRecord(chat);
    return msg;
  };

  /** Keep a message and send it: a promise of the kept message, and one of how the sending went. */
  exports.addAndSendMsgToChat = (chat, raw) => {
    if (require('WAWebServerMood').now().sendThrows) {
      throw new TypeError("Cannot read properties of undefined (reading 'add')");
    }
    const kept = exports.addMsgToChat(chat, raw);
    const sent = kept.then((msg) => importNamespace('WAWebSendMsgRecordAction').sendMsgRecord(msg));
    sent.catch(() => {});
    return [kept, sent];
  };
});

defineModule('WAWebSendTextMsgChatAction', (exports, require, importNamespace) => {
  exports.sendTextMsgToChat = async (chat, body, options = {}) => {
    const MsgKey = require('WAWebMsgKey');
    const { getMePnUserOrThrow, getMeLidUserOrThrow } = require('WAWebUserPrefsMeUser');
    const lid = chat.id.isLid() || chat.id.isGroup();
    const from = lid ? getMeLidUserOrThrow() : getMePnUserOrThrow();
    const participant = chat.id.isGroup() ? from : undefined;
    const id = new MsgKey({ from, to: chat.id, id: await MsgKey.newId(), participant, selfDir: 'out' });
    const context = options.quotedMsg?.msgContextInfo() ?? {};
    const t = Math.floor(Date.now() / 1000);
    const raw = {
      id,
      from,
      to: chat.id,
      body,
      type: 'chat',
      t,
      ack: 0,
      self: 'out',
      isNewMsg: true,
      local: true,
      ...context,
    };
    const [kept, sent] = importNamespace('WAWebSendMsgChatAction').addAndSendMsgToChat(chat, raw);
    await kept;
    return sent;
  };
});
