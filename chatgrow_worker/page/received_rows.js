// Describes what others write, in plain values, from a model of the page or from a row of its table.
// Both have the same fields (WAWebMsgModel, WAWebDBMessageSerialization, dump of 2026-04-27).
const received = (() => {
  const LONGEST_TEXT = 100_000;
  const LONGEST_NAME = 1000;
  // A phone can claim anything. All parts together must fit into a document of MongoDB (16 MB): one
  // message that did not would stop those after it for ever.
  const LONGEST_CARD = 20_000;
  const MOST_PARTS = 100;
  const FILES = ['image', 'video', 'audio', 'ptt', 'ptv', 'document', 'sticker'];
  // What the page itself writes into chats, and what changes another message (WAWebMsgType).
  const NO_MESSAGES = new Set([
    'album', 'broadcast_notification', 'call_log', 'debug', 'debug_placeholder', 'e2e_notification',
    'event_edit_encrypted', 'event_response', 'gp2', 'group-history', 'guest_upsell_system_msg',
    'history_bundle', 'keep_in_chat', 'message_edit_encrypted', 'message_history_notice',
    'newsletter_notification', 'notification', 'notification_template', 'pin_message',
    'pinned_message', 'poll_add_option_decrypted', 'poll_add_option_encrypted',
    'poll_edit_encrypted', 'poll_update', 'protocol', 'reaction', 'reaction_enc', 'status',
    'status_notification',
  ]);
  const CHATS = ['c.us', 'lid', 'g.us'];

  const cut = (text, longest) => (text == null ? null : String(text).slice(0, longest));
  const number = (value) => (value == null || !Number.isFinite(Number(value)) ? null : Number(value));

  // A revoked message has a new key; this is the one that it had before.
  const keyOf = (msg) =>
    msg.type === 'revoked' && msg.protocolMessageKey ? msg.protocolMessageKey : msg.id;

  // Whether somebody else has written it, in a chat or a group: no status, channel or broadcast list.
  const isReceived = (msg) =>
    !msg.id.fromMe && CHATS.includes(msg.id.remote?.server) && !NO_MESSAGES.has(String(msg.type));

  const senderOf = (msg) => msg.author ?? msg.id.participant ?? msg.from;

  function numberOf(wid) {
    try {
      const known = wid.server === 'c.us' ? wid : whatsApp.phoneOf(wid);
      return known ? String(known) : null;
    } catch {
      return null; // without a number the message is received all the same
    }
  }

  // The name that the sender gave with the message, else the one in the contacts.
  function nameOf(msg, wid) {
    if (msg.notifyName) return cut(msg.notifyName, LONGEST_NAME);
    try {
      const contact = whatsApp.contact(wid);
      const name = contact?.pushname ?? contact?.name ?? contact?.verifiedName;
      return name ? cut(name, LONGEST_NAME) : null;
    } catch {
      return null;
    }
  }

  const fileOf = (msg) =>
    FILES.includes(msg.type)
      ? {
          mimetype: cut(msg.mimetype, LONGEST_NAME),
          size: number(msg.size),
          filename: cut(msg.filename, LONGEST_NAME),
          sha256: cut(msg.filehash, LONGEST_NAME),
          seconds: number(msg.duration),
        }
      : null;

  const placeOf = (msg) =>
    msg.type === 'location'
      ? {latitude: number(msg.lat), longitude: number(msg.lng), name: cut(msg.loc || null, LONGEST_NAME)}
      : null;

  const cardOf = ({vcard, displayName}) => ({
    name: cut(displayName || null, LONGEST_NAME),
    vcard: cut(vcard, LONGEST_CARD),
  });

  function cardsOf(msg) {
    if (msg.type === 'vcard') return [cardOf({vcard: msg.body, displayName: msg.vcardFormattedName})];
    return msg.type === 'multi_vcard' ? (msg.vcardList ?? []).slice(0, MOST_PARTS).map(cardOf) : [];
  }

  const pollOf = (msg) =>
    msg.type === 'poll_creation'
      ? {
          question: cut(msg.pollName ?? '', LONGEST_NAME),
          options: (msg.pollOptions ?? []).slice(0, MOST_PARTS).map(({name}) => cut(name, LONGEST_NAME)),
          multiple: msg.pollSelectableOptionsCount !== 1,
        }
      : null;

  // The body of other kinds than text is a preview or a card, not what somebody wrote.
  const textOf = (msg) => (msg.type === 'chat' ? msg.body : msg.caption ?? msg.description);

  const secondsOf = (milliseconds) => (milliseconds ? Math.floor(Number(milliseconds) / 1000) : null);

  // What is certain of any message; one that cannot be read further is recorded like this.
  const outline = (msg) => ({
    kind: 'message',
    key: String(keyOf(msg)),
    sender: String(senderOf(msg)),
    at: Number(msg.t),
    type: String(msg.type),
    history: Boolean(msg.isMdHistoryMsg),
  });

  function describeAll(msg) {
    const sender = senderOf(msg);
    return {
      ...outline(msg),
      number: numberOf(sender),
      name: nameOf(msg, sender),
      text: cut(textOf(msg), LONGEST_TEXT),
      quoted: cut(msg.quotedStanzaID || null, LONGEST_NAME),
      file: fileOf(msg),
      place: placeOf(msg),
      cards: cardsOf(msg),
      poll: pollOf(msg),
      editedAt: msg.latestEditMsgKey ? secondsOf(msg.latestEditSenderTimestampMs) : null,
      revokedAt: msg.type === 'revoked' ? Number(msg.revokeTimestamp ?? msg.t) : null,
    };
  }

  function describe(msg) {
    try {
      return describeAll(msg);
    } catch {
      return {...outline(msg), type: 'unreadable'};
    }
  }

  return {describe, isReceived, numberOf, textOf: (msg) => cut(textOf(msg), LONGEST_TEXT)};
})();
