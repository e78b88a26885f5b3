// Notices that the login ends, and that the account is banned temporarily. When a login ends, the page
// soon wipes its memory. So each sign is sent to the worker at once, which remembers it over the
// reload that follows.
//
// The sources of the signs (WhatsApp's modules, dump of 2026-04-27):
//   starting_logout  the event before the wipe of a login that the server has unlinked
//                    (WAWebHandleStreamError)
//   own_logout       the same event for a logout that the page itself begins, after an error or because
//                    somebody asked for it (WAWebSocketModel.logout): it has already removed the
//                    login's key from localStorage. The page informs the server, but may not reach it.
//   logged_out       the event after the wipe, also for logins that are refused with 401, 403 and 406
//                    (WAWebHandleFailure)
//   wiping           the mark in localStorage that a wipe has begun and has not ended
//   wipe_failed      the address of the next load if the wipe has failed (WAWebReloadAfterLogout)
//   the others       the address after a logout for this reason (WAWebLogoutReason)
// The signs in the address are sent before the word `loaded`.
function watchAccount(epoch, ring) {
  const LOOK_EVERY_MS = 50;
  const WIPE_MARK = 'post-logout';
  const LOGIN_KEY = 'WANoiseInfo';
  const SIGN_OF_REASON = {
    0: 'client_fatal',
    1: 'sync_failed',
    2: 'history_timeout',
    3: 'account_locked',
  };
  // For a ban whose end we cannot read. Too long does no harm: when WhatsApp accepts the login, it says
  // that there is no ban, which ends this one; until then, nothing can be sent anyway.
  const BAN_WITHOUT_END_MS = 24 * 60 * 60 * 1000;
  const LEAVING = ['starting_logout', 'own_logout', 'logged_out'];
  const signs = new Set();
  let bus = null;
  let ban = null;

  function tell(word) {
    if (typeof window.__bell === 'function') window.__bell(epoch, word);
  }

  function note(sign) {
    if (signs.has(sign)) return;
    signs.add(sign);
    tell(sign);
  }

  const isWiping = () => localStorage.getItem(WIPE_MARK) === '1';

  // A mark that an earlier load has left says nothing about this one.
  let foundMark = isWiping();

  function noteWipe() {
    foundMark &&= isWiping();
    if (isWiping() && !foundMark) note('wiping');
  }

  // WhatsApp's own script soon removes these from the address.
  function readAddress() {
    const query = new URLSearchParams(location.search);
    if (query.get('post_logout') === '1') note('wipe_failed');
    const reason = query.get('logout_reason');
    if (reason !== null) note(SIGN_OF_REASON[reason] ?? 'other_reason');
  }

  function endOfBan(expire) {
    const seconds = Number(expire); // from now on (WAWebTempBanScreen.react)
    if (seconds > 0) return {until: Date.now() + seconds * 1000, known: true};
    // WhatsApp repeats the ban at each try to log in: keep the end that was assumed first.
    const assumed = ban && !ban.known && ban.until > Date.now();
    return {until: assumed ? ban.until : Date.now() + BAN_WITHOUT_END_MS, known: false};
  }

  function noteBan({banned, code, expire}) {
    ban = banned ? {code: Number(code), ...endOfBan(expire)} : null;
    ring();
  }

  // A page without a login loads this bus late, and may replace it, so this is called repeatedly.
  function listen() {
    try {
      const found = whatsApp.commandBus();
      if (!found || found === bus) return;
      found.on('starting_logout_from_bridge', () =>
        note(localStorage.getItem(LOGIN_KEY) === null ? 'own_logout' : 'starting_logout'),
      );
      found.on('logout_from_bridge', () => note('logged_out'));
      found.on('account_temporarily_banned_from_bridge', noteBan);
      bus = found;
    } catch {
      // try again at the next look
    }
  }

  function look() {
    listen();
    noteWipe();
    return {
      signs: [...signs],
      leaving: isWiping() || LEAVING.some((sign) => signs.has(sign)),
      ban: ban && ban.until > Date.now() ? ban : null,
    };
  }

  readAddress();
  tell('loaded');
  // A login may be refused at once, before the first look at the page.
  const hurrying = setInterval(() => {
    listen();
    if (bus) clearInterval(hurrying);
  }, LOOK_EVERY_MS);
  whatsApp.on('conn.backend_event', (name) => {
    if (name === 'logout') note('logged_out');
  });

  return {look};
}
