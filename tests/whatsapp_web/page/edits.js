/*
 * Edits and revocations: what may be done, what comes in, what this page sends.
 */
'use strict';

defineModule('WAWebMessageEditUtils', (exports) => {
  const WINDOW_SECONDS = 1200;
  const CAPTIONED = ['image', 'video', 'document'];

  exports.getMsgEditType = (type) =>
    type === 'chat' ? 'TextEdit' : CAPTIONED.includes(type) ? 'CaptionEdit' : null;
  exports.isParentWithinEditProcessingWindow = ({ parentTsInSeconds, editTsInSeconds }) =>
    (editTsInSeconds ?? Math.floor(Date.now() / 1000)) < parentTsInSeconds + WINDOW_SECONDS;
});

defineModule('WAWebMsgActionCapability', (exports, require) => {
  const { getMsgEditType, isParentWithinEditProcessingWindow } = require('WAWebMessageEditUtils');
  const REVOKE_SECONDS = 2.5 * 86400;
  const editable = (msg) =>
    Boolean(msg.id.fromMe && msg.local && !msg.isForwarded && !msg.mayFail()) &&
    isParentWithinEditProcessingWindow({ parentTsInSeconds: msg.t });

  exports.canEditText = (msg) => getMsgEditType(msg.type) === 'TextEdit' && editable(msg);
  exports.canEditCaption = (msg) =>
    getMsgEditType(msg.type) === 'CaptionEdit' && Boolean(msg.caption) && editable(msg);
  exports.canSenderRevokeMsg = (msg) =>
    msg.id.fromMe && msg.type !== 'revoked' && Date.now() / 1000 - msg.t <= REVOKE_SECONDS;
  exports.canAdminRevokeMsg = () => false;
});

defineModule('WAWebDBProcessEditProtocolMsgs', (exports, require, importNamespace) => {
  const { getMsgEditType, isParentWithinEditProcessingWindow } = require('WAWebMessageEditUtils');
  const table = require('WAWebMsgTable');

  /** Change the message that an edit names; one that came too late changes nothing. */
  async function apply(edit) {
    const key = edit.protocolMessageKey;
    const parent = await table.readMessage(key);
    const kind = parent && getMsgEditType(parent.type);
    const times = { parentTsInSeconds: parent?.t, editTsInSeconds: edit.t };
    if (!kind || !isParentWithinEditProcessingWindow(times)) return;
    const content = kind === 'TextEdit' ? { body: edit.body } : { caption: edit.caption ?? edit.body };
    const latestEditSenderTimestampMs = edit.t * 1000;
    const changes = { ...content, latestEditSenderTimestampMs };
    const row = { ...changes, latestEditMsgKey: String(edit.id) };
    await importNamespace('WAWebDBUpdateMessageTable').updateMessageTable(key, row);
    const { MsgCollection } = require('WAWebMsgCollection');
    MsgCollection.get(key)?.set({ ...changes, latestEditMsgKey: edit.id });
  }

  exports.processEditProtocolMsgs = async (edits) => {
    for (const edit of edits) await apply(edit);
  };
});

defineModule('WAWebSendMessageEditAction', (exports, require, importNamespace) => {
  const MsgKey = require('WAWebMsgKey');

  async function editOf(msg, text) {
    const { participant, remote } = msg.id;
    return {
      id: new MsgKey({ fromMe: true, remote, id: await MsgKey.newId(), participant }),
      from: msg.from,
      to: remote,
      type: 'protocol',
      subtype: 'message_edit',
      protocolMessageKey: msg.id,
      body: text.trim(),
      caption: text.trim(),
      t: Math.floor(Date.now() / 1000),
    };
  }

  /** Change the message here, then tell the server. */
  exports.addAndSendMessageEdit = async (msg, edit) => {
    await require('WAWebDBProcessEditProtocolMsgs').processEditProtocolMsgs([edit]);
    const { error } = await importNamespace('WAWebSendMsgJob').encryptAndSendMsg({ data: edit });
    msg.set({ isSendFailure: Boolean(error) });
  };

  exports.sendMessageEdit = async (msg, text) => {
    const can = require('WAWebMsgActionCapability');
    if (!can.canEditText(msg) && !can.canEditCaption(msg)) throw new Error('Cannot edit message');
    await exports.addAndSendMessageEdit(msg, await editOf(msg, text));
  };
});

defineModule('WAWebRevokeMsgAction', (exports, require, importNamespace) => {
  const MsgKey = require('WAWebMsgKey');
  const table = require('WAWebMsgTable');
  const GONE = ['body', 'caption', 'quotedMsg', 'quotedStanzaID', 'directPath', 'mediaKey', 'mediaData', 'filehash'];

  /** Leave of a message that it was revoked: under a new key, with the id of what revoked it. */
  exports.revoke = async ({ id, protocolMessageKey, author, from, t }) => {
    const { MsgCollection } = require('WAWebMsgCollection');
    const msg = MsgCollection.get(protocolMessageKey) ?? (await table.readMessage(protocolMessageKey));
    if (!msg) return;
    const { fromMe, remote, participant } = msg.id;
    const key = new MsgKey({ fromMe, remote, id: id.id, participant });
    const chat = require('WAWebChatCollection').ChatCollection.get(remote);
    for (const collection of [MsgCollection, chat.msgs]) collection.replaceId(protocolMessageKey, key);
    const about = { type: 'revoked', subtype: 'sender', revokeSender: author ?? from, revokeTimestamp: t };
    const gone = Object.fromEntries(GONE.map((name) => [name, undefined]));
    msg.set({ ...gone, ...about, id: key, protocolMessageKey });
    await table.replaceRevoked(protocolMessageKey, msg);
    if (chat.lastReceivedKey?.equals(protocolMessageKey)) chat.set({ lastReceivedKey: key });
  };

  /** Revoke an own message for all: told to the server first. */
  exports.sendRevoke = async (msg) => {
    if (!msg.id.fromMe) throw new Error('revoking received message');
    const { participant, remote } = msg.id;
    const id = new MsgKey({ fromMe: true, remote, id: await MsgKey.newId(), participant });
    const about = { id, from: msg.from, to: remote, author: participant, protocolMessageKey: msg.id };
    const t = Math.floor(Date.now() / 1000);
    const data = { ...about, type: 'protocol', subtype: 'sender_revoke', t };
    const { error } = await importNamespace('WAWebSendMsgJob').encryptAndSendMsg({ data });
    if (!error) await exports.revoke(data);
  };
});

defineModule('WAWebChatDeleteMessages', (exports, require) => {
  /** Take messages out of this browser; whoever has got them keeps them. */
  exports.deleteMessages = async (chat, msgs) => {
    const { MsgCollection } = require('WAWebMsgCollection');
    for (const msg of msgs) {
      await require('WAWebMsgTable').removeMessage(msg.id);
      chat.msgs.remove(msg);
      MsgCollection.remove(msg);
    }
  };
});

defineModule('WAWebActionListener', (exports, require) => {
  /** Do what the command bus asks for. */
  exports.listen = () =>
    require('WAWebDeferredModules').whenLoaded(() => {
      const { Cmd } = require('WAWebCmd');
      Cmd.on('send_revoke_msgs', (chat, { list }) =>
        list.map((msg) => require('WAWebRevokeMsgAction').sendRevoke(msg).catch((error) => console.error(error))),
      );
      Cmd.on('send_delete_msgs', (chat, { list }) =>
        require('WAWebChatDeleteMessages').deleteMessages(chat, list).catch((error) => console.error(error)),
      );
    });
});
