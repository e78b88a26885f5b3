// What can be done to a message that is in the page: a reaction, an edit, a revocation. Each first looks
// whether it is done already, so that doing it again does nothing; asks the page whether it may; does it;
// and then looks in the page whether it was done, since wa-js does not tell.
//
// Sources (WhatsApp's modules, dump of 2026-04-27): WAWebMsgActionCapability (what may be done),
// WAWebMessageEditUtils (1,200 s for edits), WAWebRevokeMsgConstants (2.5 days for revocations),
// WAWebRevokeMsgAction (a revoked message gets a new key), WAWebSendMessageEditAction (an edit is shown
// before it is sent; `isSendFailure` tells that it was refused), WAWebSendReactionMsgAction and
// WAWebAddonSendMsgData (a reaction is stored with ack 0 before it is sent, and then gets 1, or -1 if it
// was refused).
const actions = (() => {
  const EDIT_WINDOW_S = 1200;
  const REVOKE_WINDOW_S = 2.5 * 24 * 60 * 60;
  const SHOWN_WITHIN_MS = 5000;
  const RECENT = 100;
  const SENT = 1;
  const DONE = {result: 'OK', code: null, refusal: null, ack: SENT};

  const age = (message) => Date.now() / 1000 - message.t;

  // It was done, or may have been, but nothing in the page shows that.
  const doubt = () => inPage.refusal('not_confirmed', 'the page does not show that it was done');

  async function targetOf(key) {
    const message = await inPage.find(key, inPage.chatIn(key));
    if (!message) throw inPage.refusal('message_not_in_page');
    return message;
  }

  // A revoked message goes on under another key; `protocolMessageKey` is its former one.
  async function isRevoked(key) {
    const chat = await inPage.chatOf(inPage.chatIn(key));
    const recent = await whatsApp.messagesOf(String(chat.id), {count: RECENT});
    return recent.some(
      (each) =>
        each.type === 'revoked' &&
        each.protocolMessageKey &&
        inPage.bareId(String(each.protocolMessageKey)) === inPage.bareId(key),
    );
  }

  // The row of our last reaction to a message. One that was taken back has an empty text.
  async function ownReaction(message) {
    const rows = await whatsApp.reactionTable().anyOf(['parentMsgKey'], [String(message.id)]);
    const own = rows.filter(({msgKey}) => inPage.isOurs(msgKey));
    return own.sort((one, other) => one.timestamp - other.timestamp).at(-1) ?? null;
  }

  // Rows of the phone's history have no ack: they come from WhatsApp.
  const isTaken = (row) => (row?.ack ?? SENT) >= SENT;

  // The page shows a reaction before WhatsApp has it, also after a refusal and after a restart; then it is
  // sent again. The recipient sees the last one of each person, however often that came.
  async function react({refersTo, emoji = null}) {
    const message = await targetOf(refersTo);
    if (message.type === 'revoked') throw inPage.refusal('message_revoked');
    let own = null;
    async function stands() {
      own = await ownReaction(message);
      return (own?.reactionText || null) === emoji;
    }
    if (!(await stands()) || !isTaken(own)) await whatsApp.sendReaction(message, emoji);
    if (!(await inPage.becomes(stands, SHOWN_WITHIN_MS))) throw doubt();
    return {...DONE, by: own && String(own.senderUserJid)};
  }

  function checkEdit(message) {
    if (whatsApp.canEditText(message) || whatsApp.canEditCaption(message)) return;
    if (message.mayFail()) throw inPage.refusal('not_acknowledged_yet');
    throw inPage.refusal(age(message) >= EDIT_WINDOW_S ? 'edit_window_over' : 'not_editable');
  }

  // The page shows an edit before WhatsApp has it. So one that an earlier load of the page has begun is
  // sent again, under its id, which WhatsApp takes once.
  async function edit({refersTo, text}, key, options) {
    const message = await targetOf(refersTo);
    const latest = () => inPage.bareId(String(message.latestEditMsgKey ?? ''));
    const begun = latest() === inPage.bareId(key);
    try {
      checkEdit(message);
    } catch (error) {
      throw begun ? doubt() : error;
    }
    await whatsApp.editMessage(String(message.id), text, {...options, messageId: key});
    if (message.isSendFailure) throw inPage.refusal('refused_by_whatsapp');
    const shown = () => latest() === inPage.bareId(key);
    if (!(await inPage.becomes(shown, SHOWN_WITHIN_MS))) throw doubt();
    return DONE;
  }

  function checkRevocation(message) {
    if (whatsApp.canRevoke(message)) return;
    throw inPage.refusal(age(message) > REVOKE_WINDOW_S ? 'revoke_window_over' : 'not_revocable');
  }

  // wa-js reports success at once, whatever comes of it.
  async function revoke({refersTo}) {
    if (await isRevoked(refersTo)) return DONE;
    const message = await targetOf(refersTo);
    checkRevocation(message);
    await whatsApp.deleteMessage(message.id.remote, [String(message.id)], false, true);
    const revoked = () => message.type === 'revoked';
    if (!(await inPage.becomes(revoked, SHOWN_WITHIN_MS))) throw doubt();
    return DONE;
  }

  return {reaction: react, edit, revoke};
})();
