// Our side of the bridge, in the page, after wa-js, functions.js and account_events.js,
// in the same init script.
// What it calls of wa-js and of WhatsApp is listed in functions.js; add to that list what you need.
// Every call answers {ok, value} or {ok: false, name, code, status, message}: a class instance or an
// error's code would not survive the way back. Nothing here waits for WhatsApp longer than a look:
// a send is started and its outcome is asked for later, since a call cannot be taken back.
(() => {
  if (window !== window.top) return;

  const MAX_REMEMBERED = 2000;
  const RING_EVERY_MS = 200;
  const OUTCOME_WITHIN_MS = 300;
  const TYPING_WITHIN_MS = 500;
  const WATCH_EVERY_MS = 2000;
  const LINE_EVERY_MS = 250;
  const LOOK_UP_MS = 1000;
  const epoch = Math.random().toString(36).slice(2);
  const acks = new Map();
  const sends = new Map();
  let serial = 0;
  let storage = null;
  let pairing = {code: null, at: 0};
  let passkey = false;
  let listening = false;
  let hearsLine = false;

  const bareId = (key) => key.split('_')[2] ?? key;

  function remember(map, key, value) {
    map.delete(key);
    map.set(key, value);
    if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value);
  }

  // A hint and no more: the worker looks for itself when it rings. What follows soon after a ring
  // is told by one more.
  let rang = 0;
  let ringing = null;
  function ring() {
    if (ringing) return;
    const wait = Math.max(0, rang + RING_EVERY_MS - Date.now());
    ringing = setTimeout(() => {
      ringing = null;
      rang = Date.now();
      if (typeof window.__bell === 'function') window.__bell();
    }, wait);
  }

  const account = watchAccount(epoch, ring);

  function noteAck({ack, ids}) {
    for (const id of ids) {
      const key = String(id);
      if (!key.startsWith('true_')) continue;
      const known = acks.get(bareId(key));
      if (known && known.ack >= ack) continue;
      remember(acks, bareId(key), {key, ack: Number(ack), serial: ++serial});
    }
    ring();
  }

  // wa-js has no event for a passkey yet; a page that has not loaded this module asks for none so far.
  function listenForPasskey() {
    if (listening) return;
    try {
      whatsApp.onLinkEvent('link_device_events:passkey_prologue_request', () => {
        passkey = true;
        ring();
      });
      listening = true;
    } catch {
      // at the next look again
    }
  }

  // wa-js has no event for the line: its mode stays MAIN, and it stays online, when the line dies.
  function listenToLine() {
    if (hearsLine) return;
    try {
      whatsApp.onSocket('change:stream change:state', ring);
      hearsLine = true;
    } catch {
      // at the next look again
    }
  }

  // Whether what is sent now goes out now.
  const lineAlive = () =>
    Boolean(whatsApp.isOnline()) &&
    whatsApp.streamData().info === 'NORMAL' &&
    whatsApp.socket('stream') === 'CONNECTED';

  const lineDead = () => Object.assign(new Error('the line is dead'), {name: 'LineDeadError'});

  function checkLine() {
    if (!lineAlive()) throw lineDead();
  }

  // The answer, or an error if the line is dead at one of the looks until it is there.
  async function unlessLineDies(work, lookEveryMs) {
    let looks;
    const died = new Promise((_, reject) => {
      looks = setInterval(() => lineAlive() || reject(lineDead()), lookEveryMs);
    });
    try {
      return await Promise.race([work(), died]);
    } finally {
      clearInterval(looks);
    }
  }

  // For what WhatsApp's server has to answer: over a dead line that takes for ever, or is wrong.
  async function overLine(work) {
    checkLine();
    return unlessLineDies(work, LINE_EVERY_MS);
  }

  // The server's word that another browser has this login ends the comms; other losses leave them.
  function commsStopped() {
    try {
      return !whatsApp.comms();
    } catch {
      return false;
    }
  }

  const ageOf = (code) => (code === pairing.code ? performance.now() - pairing.at : 0);

  async function chatOf(id) {
    const chat = await whatsApp.findChat(id);
    if (!chat) throw Object.assign(new Error(`no chat for ${id}`), {code: 'chat_not_found'});
    return chat;
  }

  // A group that is gone, or that we are not in, is found too; only its server tells these apart.
  async function checkGroup({id, groupMetadata}) {
    if (!id.isGroup()) return;
    if (groupMetadata?.participants?.iAmMember() && !groupMetadata.terminated) return;
    const {status} = await whatsApp.queryGroup(id);
    if (status !== 'success') throw Object.assign(new Error(`${id}: ${status}`), {code: status});
  }

  // WhatsApp asks for the recipient's presence first, which may take for ever, and throws for chats
  // that lack their hidden id (WAWebPresenceChatAction, dump of 2026-04-27).
  async function typeFor(chatId, milliseconds) {
    const end = performance.now() + milliseconds;
    const {id} = await chatOf(chatId);
    await whatsApp.showTyping(id);
    const left = Math.max(0, end - performance.now());
    setTimeout(() => whatsApp.hideTyping(id).catch(() => {}), left);
    return true;
  }

  // Without its chat loaded, "not found" would be false. A chat that has become a LID takes its
  // messages along: their keys name the LID then.
  async function stored(key, chatId) {
    const chat = await chatOf(chatId);
    const moved = key.replace(/^true_[^_]+_/, `true_${chat.id}_`);
    for (const each of new Set([key, moved])) {
      try {
        return await whatsApp.storedMessage(each);
      } catch (error) {
        if (error?.code !== 'msg_not_found' && error?.code !== 'chat_not_found') throw error;
      }
    }
    return null;
  }

  async function run(key, chatId, text) {
    const sent = await whatsApp.sendText(chatId, text, {
      messageId: key,
      waitForAck: true,
      linkPreview: false,
      markIsRead: false,
      detectMentioned: false,
    });
    // It resolves for a refused send too; only the result tells.
    const result = await sent.sendMsgResult;
    return {...(await told(result, key, chatId)), ack: Number(sent.ack ?? 0)};
  }

  // Some refusals come from the page itself, and only the message tells why.
  async function told(result, key, chatId) {
    const code = Number(result?.ackErrorCode ?? NaN);
    const how = String(result?.messageSendResult ?? result);
    const message = how === 'OK' ? null : await stored(key, chatId).catch(() => null);
    return {
      result: how,
      code: Number.isFinite(code) ? code : null,
      refusal: message?.errorCode ? String(message.errorCode) : null,
    };
  }

  // The page's own function for a stored record: the same id goes out once more.
  async function runAgain(key, chatId) {
    const message = await stored(key, chatId);
    if (!message) throw Object.assign(new Error(`no message ${key}`), {code: 'msg_not_found'});
    const result = await whatsApp.sendStored(message);
    return {...(await told(result, key, chatId)), ack: Number(message.ack ?? 0)};
  }

  const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  function start(key, work) {
    remember(sends, key, {state: 'pending'});
    return work()
      .then((value) => remember(sends, key, {state: 'done', ...value}))
      .catch((error) => remember(sends, key, {state: 'thrown', error: failure(error)}))
      .finally(ring);
  }

  // Most sends are decided at once, and need not be asked for then.
  function begin(key, work) {
    if (sends.get(key)?.state === 'pending') return sends.get(key);
    return Promise.race([start(key, work), after(OUTCOME_WITHIN_MS)]).then(() => sends.get(key));
  }

  // One after the other, until one does not go well, is taken back, or the time is over.
  async function runInTurn(batch, withinMs) {
    const end = performance.now() + withinMs;
    for (const [key, chatId, text] of batch) {
      if (performance.now() >= end || sends.get(key)?.state !== 'waiting' || !lineAlive()) return;
      await start(key, () => run(key, chatId, text));
      const {state, result} = sends.get(key);
      if (state !== 'done' || result !== 'OK') return;
    }
  }

  const failure = (error) => ({
    name: String(error?.name ?? 'Error'),
    code: error?.code === undefined ? null : String(error.code),
    status: Number.isFinite(error?.status) ? error.status : null,
    message: String(error?.message ?? error).slice(0, 500),
  });

  const calls = {
    snapshot: () => {
      const ready = Boolean(window.WPP?.isReady);
      if (ready) listenForPasskey();
      if (ready) listenToLine();
      const stream = ready ? whatsApp.streamData() : {};
      return {
        epoch,
        ready,
        fullReady: Boolean(window.WPP?.isFullReady),
        authenticated: ready && Boolean(whatsApp.isAuthenticated()),
        online: ready && Boolean(whatsApp.isOnline()),
        idle: ready && Boolean(whatsApp.isIdle()),
        needsUpdate: ready && Boolean(whatsApp.needsUpdate()),
        mode: stream.mode ? String(stream.mode) : null,
        info: stream.info ? String(stream.info) : null,
        socket: ready ? String(whatsApp.socket('state')) : null,
        stream: ready ? String(whatsApp.socket('stream')) : null,
        commsStopped: ready && commsStopped(),
        me: ready ? (whatsApp.myId()?.toString() ?? null) : null,
        passkey,
        ...account.look(),
      };
    },

    // All that a look needs, in one answer: most of what a call costs is its way.
    look: (of, since) => {
      const snapshot = calls.snapshot();
      return {
        snapshot,
        localStorage: snapshot.authenticated && !snapshot.leaving ? calls.localStorage(false) : null,
        acks: calls.acksSince(of === epoch ? since : 0),
      };
    },

    authCode: async () => (await whatsApp.authCode())?.fullCode ?? null,

    // Not awaited: it waits for an event that may never come.
    refreshCode: () => {
      whatsApp.refreshQr().catch(() => {});
      return null;
    },

    // The same number again gets the code that is still good, however old; one that is not is renewed.
    pairingCode: async (phone, livesMs) => {
      let code = await whatsApp.startPairing(phone.replace(/\D/g, ''), true);
      if (ageOf(code) >= livesMs) code = await whatsApp.renewPairing();
      return {code, ageMs: ageOf(code)};
    },

    // The id that WhatsApp answers may have other digits: only that one gets messages.
    accountOf: async (chatId) => {
      const found = await overLine(() => whatsApp.queryNumber(whatsApp.wid(chatId)));
      return found?.wid ? String(found.wid) : null;
    },

    // Not awaited: it waits for an event that may never come, and the page goes elsewhere.
    logOut: () => {
      whatsApp.logOut().catch(() => {});
      return null;
    },

    // The chat may turn out to be a LID, and only a key of that very chat is taken by the send.
    prepare: async (chatId) => {
      const chat = await overLine(() => chatOf(chatId));
      await overLine(() => checkGroup(chat));
      return String(await whatsApp.newMessageId(chat));
    },

    // Best effort: tells soon whether it shows, and whatever hangs here holds up nothing.
    showTyping: (chatId, milliseconds) => {
      const shown = typeFor(chatId, milliseconds).catch(() => false);
      return Promise.race([shown, after(TYPING_WITHIN_MS).then(() => false)]);
    },

    send: (key, chatId, text) => {
      checkLine();
      return begin(key, () => run(key, chatId, text));
    },

    prepareAll: (chatIds) => Promise.all(chatIds.map(calls.prepare)),

    sendInTurn: async (batch, withinMs) => {
      checkLine();
      for (const [key] of batch) remember(sends, key, {state: 'waiting'});
      await Promise.race([runInTurn(batch, withinMs), after(withinMs)]);
      return batch.map(([key]) => calls.outcome(key));
    },

    // What has not begun will not begin: tells which those are.
    takeBack: (keys) =>
      keys.filter((key) => sends.get(key)?.state === 'waiting' && sends.delete(key)),

    resend: (key, chatId) => {
      checkLine();
      return begin(key, () => runAgain(key, chatId));
    },

    outcome: (key) => ({...(sends.get(key) ?? {state: 'none'}), line: lineAlive()}),

    lookUp: async (key, chatId) => {
      // What the page has stored is there at once; a chat that it does not know is asked for.
      const message = await unlessLineDies(() => stored(key, chatId), LOOK_UP_MS);
      return {found: Boolean(message), ack: Number(message?.ack ?? 0), line: lineAlive()};
    },

    // The whole of localStorage when it has changed since it was last asked for, else null.
    localStorage: (always) => {
      const entries = Object.entries({...localStorage});
      const text = JSON.stringify(entries);
      if (text === storage && !always) return null;
      storage = text;
      return Object.fromEntries(entries);
    },

    acksSince: (since) => [...acks.values()].filter((each) => each.serial > since),
  };

  async function call(name, args) {
    try {
      return {ok: true, value: (await calls[name](...args)) ?? null};
    } catch (error) {
      return {ok: false, ...failure(error)};
    }
  }

  // No event tells all that matters; from in here a look costs next to nothing.
  let watched = null;
  setInterval(() => {
    let state;
    try {
      state = JSON.stringify(calls.snapshot());
    } catch (error) {
      state = String(error); // the worker's own look tells what is broken
    }
    if (state !== watched) ring();
    watched = state;
  }, WATCH_EVERY_MS);

  Object.defineProperty(window, Symbol.for('bridge'), {value: call});

  whatsApp.on('chat.msg_ack_change', noteAck);
  // WhatsApp has a code renewed now and then, and only this event tells when.
  whatsApp.on('conn.link_code_change', (code) => {
    pairing = {code, at: performance.now()};
  });
  // A code on show means that the passkey was called off.
  whatsApp.on('conn.auth_code_change', (code) => {
    if (code) passkey = false;
  });
  for (const hint of [
    'conn.auth_code_change',
    'conn.main_ready',
    'conn.online',
    'conn.stream_mode_changed',
    'conn.qrcode_idle',
  ]) {
    whatsApp.on(hint, ring);
  }
})();
