// What the page tells of its account: that its login ends, and that the account is banned for a
// while. The page wipes its memory soon after the first, so each sign goes to the worker at once;
// the worker keeps it over the reload that follows.
//
// Where each sign comes from (WhatsApp's modules, dump of 2026-04-27):
//   starting_logout  the event before the wipe of a login that the server has unlinked
//                    (WAWebHandleStreamError)
//   own_logout       the same event for a logout that the page begins, for a fault of its own or
//                    because somebody wants it (WAWebSocketModel.logout): it has taken the login's
//                    key out of localStorage by then. It tells the server, which may not hear it.
//   logged_out       the event after the wipe, for these and for logins that are refused with 401,
//                    403 and 406 (WAWebHandleFailure)
//   wiping           the mark in localStorage that a wipe has begun and has not ended
//   wipe_failed      the address that the next load gets then (WAWebReloadAfterLogout)
//   the rest         the address that a logout for this reason leads to (WAWebLogoutReason)
// What the address tells comes before the word `loaded`, so that one who hears that knows it all.
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
  // For a ban whose end is not told in a way that we know. Rather too long: as soon as WhatsApp takes
  // the login it says that there is no ban, which ends this one; while it refuses the login, nothing
  // that is sent goes out anyway.
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

  // One that another load has left, with its browser perhaps, says nothing of why it was begun.
  let foundMark = isWiping();

  function noteWipe() {
    foundMark &&= isWiping();
    if (isWiping() && !foundMark) note('wiping');
  }

  // WhatsApp's own script removes these from the address before long.
  function readAddress() {
    const query = new URLSearchParams(location.search);
    if (query.get('post_logout') === '1') note('wipe_failed');
    const reason = query.get('logout_reason');
    if (reason !== null) note(SIGN_OF_REASON[reason] ?? 'other_reason');
  }

  function endOfBan(expire) {
    const seconds = Number(expire); // from now on (WAWebTempBanScreen.react)
    if (seconds > 0) return {until: Date.now() + seconds * 1000, known: true};
    // It is told at each try to log in: the end that was assumed stays.
    const assumed = ban && !ban.known && ban.until > Date.now();
    return {until: assumed ? ban.until : Date.now() + BAN_WITHOUT_END_MS, known: false};
  }

  function noteBan({banned, code, expire}) {
    ban = banned ? {code: Number(code), ...endOfBan(expire)} : null;
    ring();
  }

  // A page without a login loads this bus late. So we look again, and whether it is still the same.
  function listen() {
    let found = null;
    try {
      found = whatsApp.commandBus();
    } catch {
      // at the next look again
    }
    if (!found || found === bus) return;
    bus = found;
    bus.on('starting_logout_from_bridge', () =>
      note(localStorage.getItem(LOGIN_KEY) === null ? 'own_logout' : 'starting_logout'),
    );
    bus.on('logout_from_bridge', () => note('logged_out'));
    bus.on('account_temporarily_banned_from_bridge', noteBan);
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
  // A login may be refused at once: nothing is to be missed until the page is looked at.
  const hurrying = setInterval(() => {
    listen();
    if (bus) clearInterval(hurrying);
  }, LOOK_EVERY_MS);
  whatsApp.on('conn.backend_event', (name) => {
    if (name === 'logout') note('logged_out');
  });

  return {look};
}
