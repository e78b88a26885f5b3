// Our functions in the page. They run after wa-js and our other files, in the same init script.
// All functions of wa-js and WhatsApp that we call are listed in functions.js; add new ones there.
// Every call returns {ok, value} or {ok: false, name, code, status, message}, since Playwright does not
// transfer classes or an error's code. No call waits long for WhatsApp: a call cannot be cancelled, so
// a send is only started, and its outcome is asked for later.
(() => {
  if (window !== window.top) return;

  const MAX_REMEMBERED = 2000;
  const RING_EVERY_MS = 200;
  const BY_SERVER = 1; // the first ack: WhatsApp has the message
  const WATCH_EVERY_MS = 2000;
  const WATCH_COMPLETE_EVERY_MS = 5000; // what matters in a page that shows its chats has an event
  const QR_REF_LIVES_MS = 20_000;
  const QR_URL = 'https://wa.me/settings/linked_devices#';
  const QR_HELP_URL = 'https://faq.whatsapp.com/r/ld';
  const CHROME = '1';
  const epoch = Math.random().toString(36).slice(2);
  const acks = new Map();
  let serial = 0;
  let storage = null;
  const NO_PAIRING = {phone: null, code: null, at: 0};
  let pairing = NO_PAIRING;
  let wishes = 0;
  let ref = {text: null, at: 0};
  let voidRef = null;
  let passkey = false;
  let listening = false;
  let hearsLine = false;

  function remember(map, key, value) {
    map.delete(key);
    map.set(key, value);
    if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value);
  }

  // Only a hint: the worker then looks at the page. Changes soon after a ring cause one more ring.
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
  const others = watchReceived(ring);

  // A ring makes the worker look, which costs more than all else here: what it knows already needs none.
  function noteAck({ack, ids}) {
    let isNews = false;
    for (const id of ids) {
      const key = String(id);
      if (!key.startsWith('true_')) continue;
      const known = acks.get(inPage.bareId(key));
      if (known && known.ack >= ack) continue;
      remember(acks, inPage.bareId(key), {key, ack: Number(ack), serial: ++serial});
      isNews ||= ack !== BY_SERVER || !sending.answersFor(key);
    }
    if (isNews) ring();
  }

  // wa-js has no events for these, and the page may not have loaded their module yet.
  function listenForLinking() {
    if (listening) return;
    try {
      whatsApp.onLinkEvent('link_device_events:passkey_prologue_request', () => {
        passkey = true;
        ring();
      });
      for (const over of ['refresh_alt_linking_code', 'force_manual_refresh', 'error_alt_linking']) {
        whatsApp.onLinkEvent(`link_device_events:${over}`, () => {
          pairing = NO_PAIRING;
        });
      }
      listening = true;
    } catch {
      // try again at the next look
    }
  }

  // wa-js has no event for the line.
  function listenToLine() {
    if (hearsLine) return;
    try {
      whatsApp.onSocket('change:stream change:state', ring);
      hearsLine = true;
    } catch {
      // try again at the next look
    }
  }

  // The page stops its comms only if the server says that another browser has taken this login.
  function commsStopped() {
    try {
      return !whatsApp.comms();
    } catch {
      return false;
    }
  }

  function orElse(look, otherwise) {
    try {
      return look();
    } catch {
      return otherwise;
    }
  }

  // While WhatsApp wants a passkey, new refs still arrive; only the pairing type shows when that ends
  // (WAWebShortcakeLinkingBridgeApi, WAWebLinkDeviceMethod.react, dumps from 2026-07 on). The line then
  // reconnects, and the last of these refs is no longer valid before the next one arrives.
  function passkeyWanted() {
    const type = orElse(() => whatsApp.pairingType(), null);
    if (type === 'SHORTCAKE_PASSKEY') passkey = true;
    if (type === 'QR_CODE') passkey = false;
    if (passkey) voidRef = orElse(() => whatsApp.qrRef(), voidRef);
    return passkey;
  }

  // A pairing code removes the secret of the QR codes (WAWebAltDeviceLinkingApi, dump of 2026-04-27),
  // and WhatsApp makes one only with new refs. Pairing does not need the secret, so with a new one
  // both ways work at the same time.
  async function ensureQrSecret() {
    if ((await whatsApp.qrSecret()) == null) await whatsApp.newQrSecret();
  }

  // The text that WhatsApp's own screen draws (WAWebLinkDeviceQrcode.react, dump of 2026-04-27); wa-js
  // returns only its first four parts.
  function qrText(parts, form) {
    const text = `${parts},${orElse(() => whatsApp.platform(), null) ?? CHROME}`;
    const asUrl = form === 'page' ? orElse(() => whatsApp.drawsQrAsUrl(), true) : form === 'url';
    if (asUrl) return QR_URL + text;
    const helps = form === 'page' && orElse(() => whatsApp.isKnobOn('770'), false);
    return helps ? `${text},${QR_HELP_URL}` : text;
  }

  function noteRef(text) {
    if (text !== ref.text) ref = {text, at: performance.now()};
  }

  // Returns the answer, or throws if it does not come in time.
  function inTime(answer, milliseconds) {
    const late = inPage.after(milliseconds).then(() => {
      throw Object.assign(new Error('no answer in time'), {name: 'TimeoutError', code: 'no_answer'});
    });
    return Promise.race([answer, late]);
  }

  // If the server refuses a pairing code, its status is in the error's type (WAWebAltDeviceLinkingIq).
  function codeOf(error) {
    const code = error?.code ?? error?.type?.value?.code;
    return code === undefined ? null : String(code);
  }

  const failure = (error) => ({
    name: String(error?.name ?? 'Error'),
    code: codeOf(error),
    status: Number.isFinite(error?.status) ? error.status : null,
    message: String(error?.message ?? error).slice(0, 500),
  });

  const sending = makeSending({line, ring, failure});

  // A page that is complete stays so, and is not tested again. A module counts as missing only when the
  // page should have it: for its state, once all scripts of the document have run; for the rest, once
  // the page shows its chats. A page whose state cannot be read has no snapshot.
  let complete = false;
  let watched = null; // the state at the last look of the worker, or at the last ring since

  function whatIsShown() {
    const ready = Boolean(window.WPP?.isReady);
    if (ready) listenForLinking();
    if (ready) listenToLine();
    const stream = ready ? whatsApp.streamData() : {};
    return {
      epoch,
      ready,
      fullReady: Boolean(window.WPP?.isFullReady),
      authenticated: ready && Boolean(whatsApp.isAuthenticated()),
      online: ready && Boolean(whatsApp.isOnline()),
      // wa-js's isIdle does this, with a constant that no one else can tell to be missing.
      idle: ready && whatsApp.socket('state') === 'UNPAIRED_IDLE',
      needsUpdate: ready && Boolean(whatsApp.needsUpdate()),
      mode: stream.mode ? String(stream.mode) : null,
      info: stream.info ? String(stream.info) : null,
      socket: ready ? String(whatsApp.socket('state')) : null,
      stream: ready ? String(whatsApp.socket('stream')) : null,
      commsStopped: ready && commsStopped(),
      me: ready ? (whatsApp.myId()?.toString() ?? null) : null,
      passkey: ready && passkeyWanted(),
      ...account.look(),
    };
  }

  const missingForState = () => (document.readyState === 'complete' ? selfTest.state() : []);

  function tested() {
    let snapshot;
    try {
      snapshot = calls.snapshot();
    } catch (error) {
      const missing = missingForState();
      if (missing.length === 0) throw error;
      return {snapshot: null, missing};
    }
    // Without some of these wa-js, which has found the modules by then, never becomes ready.
    if (window.WPP?.isInjected && !snapshot.ready && !snapshot.leaving && !snapshot.ban) {
      const missing = missingForState();
      if (missing.length > 0) return {snapshot: null, missing};
    }
    const shows = snapshot.ready && snapshot.fullReady && snapshot.mode === 'MAIN';
    const missing = shows && !complete ? selfTest.sending() : [];
    complete ||= shows && missing.length === 0;
    return {snapshot, missing};
  }

  const calls = {
    snapshot: () => {
      const shown = whatIsShown();
      watched = JSON.stringify(shown);
      return shown;
    },

    // Everything that a look needs in one answer, since each call has a high fixed cost.
    look: (of, since, recorded) => {
      const {snapshot, missing} = tested();
      return {
        epoch,
        snapshot,
        missing,
        localStorage: snapshot?.authenticated && !snapshot.leaving ? calls.localStorage(false) : null,
        acks: calls.acksSince(of === epoch ? since : 0),
        ...(recorded && {received: others.look(recorded[0] === epoch ? recorded[1] : 0)}),
      };
    },

    // The text of the QR code, and how long it is still shown.
    qrCode: async (form) => {
      if (passkeyWanted() || whatsApp.isAuthenticated()) return null;
      await ensureQrSecret();
      const found = await whatsApp.authCode();
      if (!found || passkeyWanted() || found.ref === voidRef) return null;
      noteRef(found.ref);
      const lives = orElse(() => whatsApp.qrRefLives(), null) ?? QR_REF_LIVES_MS;
      const leftMs = Math.max(0, ref.at + lives - performance.now());
      return {text: qrText(found.fullCode, form), leftMs};
    },

    // The version of WhatsApp Web, and the manifest of its bundle, which is in the page's tags.
    about: () => ({
      version: window.Debug?.VERSION ? String(window.Debug.VERSION) : null,
      manifest: document.querySelector('[data-btmanifest]')?.dataset.btmanifest ?? null,
      missing: selfTest.others(),
    }),

    // Does the same as the button on WhatsApp's own screen. The line reconnects, which ends a pairing
    // code.
    refreshCode: () => {
      pairing = NO_PAIRING;
      wishes += 1;
      whatsApp.refreshQr();
      return null;
    },

    // The same number gets the same code again while it is valid. wa-js can also renew codes by itself,
    // but each new code alerts the phone and counts against the limit, and nobody would see it.
    pairingCode: async (phone, livesMs, withinMs) => {
      const digits = phone.replace(/\D/g, '');
      if (pairing.phone !== digits || performance.now() - pairing.at >= livesMs) {
        pairing = NO_PAIRING;
        const wish = ++wishes;
        const given = whatsApp.newPairingCode(digits, true).then((code) => {
          // A code that comes late is kept for the next call.
          if (wish === wishes) pairing = {phone: digits, code, at: performance.now()};
        });
        await inTime(given, withinMs);
      }
      return {code: pairing.code, ageMs: performance.now() - pairing.at};
    },

    // The id in WhatsApp's answer may have other digits; messages arrive only at that id.
    accountOf: async (chatId) => {
      const found = await line.over(() => whatsApp.queryNumber(whatsApp.wid(chatId)));
      return found?.wid ? String(found.wid) : null;
    },

    // Not awaited: it waits for an event that may never come, and the page navigates.
    logOut: () => {
      whatsApp.logOut().catch(() => {});
      return null;
    },

    ...sending.calls,
    ...makeChats(),

    hasLine: line.isAlive,

    locateReceived: messageTable.locate,
    ...downloads,

    receivedRows: messageTable.rowsAfter,
    receivedOf: messageTable.ofKeys,
    receivedChanges: messageTable.changed,
    receivedReactions: messageTable.reactions,
    receivedVotes: messageTable.votes,

    // All of localStorage if it has changed since the last call, otherwise null.
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

  // Not every change has an event, so the state is polled here, which is cheap. It is compared with the
  // state that the worker has seen last: if it changes back after that, this is a change, too.
  function watch() {
    let state;
    try {
      state = JSON.stringify(whatIsShown());
    } catch (error) {
      state = String(error); // the worker's next look finds out what is broken
    }
    if (state !== watched) ring();
    watched = state;
    setTimeout(watch, complete ? WATCH_COMPLETE_EVERY_MS : WATCH_EVERY_MS);
  }
  setTimeout(watch, WATCH_EVERY_MS);

  Object.defineProperty(window, Symbol.for('bridge'), {value: call});

  whatsApp.on('chat.msg_ack_change', noteAck);
  whatsApp.on('conn.auth_code_change', (code) => {
    passkeyWanted();
    if (code) noteRef(code.ref);
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
