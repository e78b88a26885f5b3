// Sends messages, each under an id that was made first. A send is only started here, and its outcome is
// asked for later, since a call cannot be cancelled.
//
// CONTENTS has a function for each kind of content (`Kind` in sessions/messages/content.py); `options` are
// wa-js's options for every send. It resolves as wa-js's functions do, when WhatsApp has answered.
function makeSending({line, ring, failure}) {
  const MAX_REMEMBERED = 2000;
  const OUTCOME_WITHIN_MS = 300;
  const TYPING_WITHIN_MS = 500;
  const TYPES_EVERY_MS = 2000;
  const LOOK_UP_MS = 1000;
  const ONE = 1;
  const ANY_NUMBER = 0;
  const OPTIONS = {
    waitForAck: true,
    linkPreview: false,
    markIsRead: false,
    detectMentioned: false,
  };
  const sends = new Map();
  const awaited = new Set(); // sends whose caller knows no outcome yet, and waits for a ring

  const CONTENTS = {
    media: media.send,

    text: ({text}, chatId, options) => whatsApp.sendText(chatId, text, options),

    location: ({latitude, longitude, name}, chatId, options) =>
      whatsApp.sendLocation(chatId, {lat: latitude, lng: longitude, name, ...options}),

    contact: ({name, phone}, chatId, options) =>
      whatsApp.sendContact(chatId, {id: `${phone.slice(1)}@c.us`, name}, options),

    // Some polls are never acknowledged; then this never resolves.
    poll: ({question, options: choices, multiple}, chatId, options) => {
      const selectableCount = multiple ? ANY_NUMBER : ONE;
      return whatsApp.sendPoll(chatId, question, choices, {selectableCount, ...options});
    },
  };

  function remember(key, value) {
    sends.delete(key);
    sends.set(key, value);
    if (sends.size > MAX_REMEMBERED) sends.delete(sends.keys().next().value);
  }

  // Groups that are gone, or that we are not in, are found, too; only the server knows the difference.
  async function checkGroup({id, groupMetadata}) {
    if (!id.isGroup()) return;
    if (groupMetadata?.participants?.iAmMember() && !groupMetadata.terminated) return;
    const {status} = await whatsApp.queryGroup(id);
    if (status !== 'success') throw inPage.refusal(status, `${id}: ${status}`);
  }

  // WhatsApp first asks for the recipient's presence, which may take forever, and throws for chats
  // without a LID (WAWebPresenceChatAction, dump of 2026-04-27).
  async function typeFor(chatId, milliseconds) {
    const end = performance.now() + milliseconds;
    const {id} = await inPage.chatOf(chatId);
    await whatsApp.showTyping(id);
    const left = Math.max(0, end - performance.now());
    // The page ends it by itself 2.5 s after the last key was pressed.
    const keys = setInterval(() => whatsApp.showTyping(id).catch(() => {}), TYPES_EVERY_MS);
    setTimeout(() => {
      clearInterval(keys);
      whatsApp.hideTyping(id).catch(() => {});
    }, left);
    return true;
  }

  // The message that a reply quotes. Without it in the page the reply is refused: wa-js would send it
  // without the quote if its own check were left out.
  async function quotedBy({refersTo}, chatId) {
    if (!refersTo) return {};
    const message = await inPage.find(refersTo, inPage.chatIn(refersTo));
    if (!message) throw inPage.refusal('message_not_in_page');
    const {id} = await inPage.chatOf(chatId);
    if (message.msgContextInfo(id)?.quotedStanzaID !== message.id.id) {
      throw inPage.refusal('not_quotable');
    }
    return {quotedMsg: message};
  }

  async function run(key, chatId, content) {
    if (content.kind in actions) return actions[content.kind](content, key, OPTIONS);
    const send = CONTENTS[content.kind];
    if (!send) throw inPage.refusal('unknown_kind', content.kind);
    const options = {...OPTIONS, messageId: key, ...(await quotedBy(content, chatId))};
    const sent = await send(content, chatId, options);
    // It also resolves for a refused send; only the result shows that.
    const result = await sent.sendMsgResult;
    return {...(await told(result, key, chatId)), ack: Number(sent.ack ?? 0)};
  }

  // Some refusals come from the page itself; their reason is only in the message.
  async function told(result, key, chatId) {
    const code = Number(result?.ackErrorCode ?? NaN);
    const how = String(result?.messageSendResult ?? result);
    const message = how === 'OK' ? null : await inPage.find(key, chatId).catch(() => null);
    return {
      result: how,
      code: Number.isFinite(code) ? code : null,
      refusal: message?.errorCode ? String(message.errorCode) : null,
    };
  }

  // The page's own function for a stored message: it sends the same id again.
  async function runAgain(key, chatId, content) {
    const message = await inPage.find(key, chatId);
    if (!message) throw inPage.refusal('msg_not_found', `no message ${key}`);
    if (content?.kind === 'media' && media.lacksFile(message)) {
      await media.removeUnsent(message, key, chatId);
      return run(key, chatId, content);
    }
    const result = await whatsApp.sendStored(message);
    return {...(await told(result, key, chatId)), ack: Number(message.ack ?? 0)};
  }

  function start(key, work) {
    remember(key, {state: 'pending'});
    return work()
      .then((value) => remember(key, {state: 'done', ...value}))
      .catch((error) => remember(key, {state: 'thrown', error: failure(error)}))
      .finally(() => {
        if (awaited.delete(key)) ring();
      });
  }

  // Most sends are decided at once; then the caller does not have to ask for the outcome.
  function begin(key, work) {
    if (sends.get(key)?.state === 'pending') return stateOf(key);
    const decided = Promise.race([start(key, work), inPage.after(OUTCOME_WITHIN_MS)]);
    return decided.then(() => stateOf(key));
  }

  // Whoever is told that a send is undecided waits for a ring.
  function stateOf(key) {
    const outcome = sends.get(key) ?? {state: 'none'};
    if (outcome.state === 'pending') awaited.add(key);
    return outcome;
  }

  // Whether the answer to the send tells that WhatsApp has the message, so that no ring has to.
  function answersFor(key) {
    const {state, result} = sends.get(key) ?? {};
    return !awaited.has(key) && (state === 'pending' || (state === 'done' && result === 'OK'));
  }

  const calls = {
    // The chat may have a LID, and a send accepts only a key of exactly that chat. Typing is begun in the
    // same call, since each call has a high fixed cost.
    prepare: async (chatId, typingMs) => {
      const chat = await line.over(() => inPage.chatOf(chatId));
      await line.over(() => checkGroup(chat));
      const key = String(await whatsApp.newMessageId(chat));
      return {key, typing: typingMs > 0 && (await calls.showTyping(chatId, typingMs))};
    },

    // Best effort: returns soon whether it worked, even if WhatsApp does not answer.
    showTyping: (chatId, milliseconds) => {
      const shown = typeFor(chatId, milliseconds).catch(() => false);
      return Promise.race([shown, inPage.after(TYPING_WITHIN_MS).then(() => false)]);
    },

    send: (key, chatId, content) => {
      line.check();
      const isDone = content.kind in actions && sends.get(key)?.state === 'done';
      return isDone ? sends.get(key) : begin(key, () => run(key, chatId, content));
    },

    resend: (key, chatId, content) => {
      line.check();
      return begin(key, () => runAgain(key, chatId, content));
    },

    outcome: (key) => ({...stateOf(key), line: line.isAlive()}),

    lookUp: async (key, chatId) => {
      // A stored message is found at once; an unknown chat is looked up at WhatsApp.
      const message = await line.orThrow(() => inPage.find(key, chatId), LOOK_UP_MS);
      return {found: Boolean(message), ack: Number(message?.ack ?? 0), line: line.isAlive()};
    },
  };

  return {calls, answersFor};
}
