/*
 * The end of a login, by whomever: what is told and wiped in which order, and where the page goes then.
 */
'use strict';

defineDefault('WAWebReloadAfterLogout', (exports, require) => {
  const { LogoutReason } = require('WAWebLogoutReasonConstants');
  const { getErrorCodeFromLogoutReason } = require('WAWebLogoutReason');

  /** Load the page anew: plainly, unless the wipe failed or the reason has a code. */
  exports.default = (failed, reason, message) => {
    const query = new URLSearchParams();
    if (failed) query.set('post_logout', '1');
    const code = reason && getErrorCodeFromLogoutReason(reason);
    if (code) query.set('logout_reason', code);
    if (reason === LogoutReason.AccountLocked && message) {
      query.set('logout_message_header', message.logoutMessageHeader);
      query.set('logout_message_subtext', message.logoutMessageSubtext);
    }
    if (query.size) location.href = `${location.pathname}?${query}`;
    else location.reload();
  };
});

defineModule('WAWebHandlePreviousLogout', (exports, require) => {
  const storage = require('WAWebStorage');

  /** Finish a wipe that did not come to its end; tell whether the page goes elsewhere. */
  exports.handlePreviousLogoutFailures = async () => {
    const { setPrevLogoutReasonCode, setPrevCustomLogoutMessage } = require('WAWebLogoutReason');
    const query = new URLSearchParams(location.search);
    const unfinished = localStorage.getItem(require('WAWebUserPrefsKeys').KEYS.LOGOUT_DIRTY_BIT) === '1';
    if (unfinished) {
      await storage.destroy().catch(() => {});
      localStorage.clear();
      query.set('post_logout', '1');
      location.href = `${location.pathname}?${query}`;
    }
    const code = query.get('logout_reason');
    if (code !== null) setPrevLogoutReasonCode(code);
    const header = query.get('logout_message_header');
    if (header !== null) {
      setPrevCustomLogoutMessage({
        logoutMessageHeader: header,
        logoutMessageSubtext: query.get('logout_message_subtext'),
      });
    }
    if (query.get('post_logout') === '1' || code !== null) history.replaceState({}, document.title, '/');
    return unfinished;
  };
});

defineModule('WAWebLogout', (exports, require) => {
  const { LOGOUT_DIRTY_BIT } = require('WAWebUserPrefsKeys').KEYS;
  const SERVER_IS_TOLD_WITHIN_MS = 3000;
  const bus = () => require('WAWebBackendEventBus').BackendEventBus;
  const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  let leaving = false;

  /** Wipe the login and all data, and load the page anew; resolves while that has only begun. */
  exports.wipe = async (reason, message) => {
    const { Socket } = require('WAWebSocketModel');
    const { leaveMs, unlinkBy } = require('WAWebServerMood').now();
    localStorage.setItem(LOGOUT_DIRTY_BIT, '1');
    Socket.set({ hasSynced: undefined });
    require('WAWebCredentials').clear();
    localStorage.setItem(LOGOUT_DIRTY_BIT, '1');
    if (leaveMs) Socket.set({ state: 'UNPAIRED' });
    const failed = unlinkBy === 'wipe';
    if (!failed) await require('WAWebStorage').destroy();
    if (leaveMs) await after(leaveMs);
    if (!failed) localStorage.removeItem(LOGOUT_DIRTY_BIT);
    require('WAWebReloadAfterLogout')(failed, reason, message);
  };

  /** End the login from here, and tell the server of it if it answers in time. */
  exports.logout = async (reason) => {
    if (leaving) return;
    leaving = true;
    localStorage.removeItem('WANoiseInfo');
    bus().triggerStartingLogout();
    const told = require('WAWebTransport').transport.request('logout').catch(() => {});
    await Promise.race([told, after(SERVER_IS_TOLD_WITHIN_MS)]);
    require('WAWebConnection').stop();
    await exports.wipe(reason);
    bus().triggerLogout();
  };

  /** End a login that the service does not know any more, as told while the line stands. */
  exports.onDeviceRemoved = async () => {
    if (leaving) return;
    leaving = true;
    bus().triggerStartingLogout();
    require('WAWebConnection').stop();
    await exports.wipe();
    bus().triggerLogout();
  };

  /** End a login that is refused; that a logout begins is not told. */
  exports.onRefused = async (reason, message) => {
    if (leaving) return;
    leaving = true;
    require('WAWebConnection').stop();
    await exports.wipe(reason, message);
    bus().triggerLogout();
  };
});

defineDefault('WAWebHandleFailure', (exports, require) => {
  const NOT_AUTHORIZED = 401;
  const TEMPORARILY_BANNED = 402;
  const LOCKED = 403;
  const CLIENT_TOO_OLD = 405;
  const BANNED = 406;
  const BAD_USER_AGENT = 409;

  function onLocked({ logoutMessageHeader, logoutMessageSubtext }) {
    const { LogoutReason } = require('WAWebLogoutReasonConstants');
    const message = { logoutMessageHeader, logoutMessageSubtext };
    require('WAWebLogout').onRefused(LogoutReason.AccountLocked, message);
  }

  function onOutdated() {
    require('WAWebConnection').stop();
    require('WAWebUpdater').Updater.update(undefined, false, 0);
  }

  function onTemporarilyBanned({ seconds }) {
    const expire = seconds === null ? undefined : Math.ceil(seconds);
    const ban = { banned: true, code: 101, message: undefined, url: undefined, expire };
    require('WAWebBackendEventBus').BackendEventBus.triggerTemporaryBan(ban);
  }

  /** Do what a refusal of the login asks for; tell whether the page still tries to log in. */
  exports.default = (failure) => {
    switch (failure.status) {
      case NOT_AUTHORIZED:
      case BANNED:
        require('WAWebLogout').onRefused();
        return false;
      case LOCKED:
        onLocked(failure);
        return false;
      case CLIENT_TOO_OLD:
      case BAD_USER_AGENT:
        onOutdated();
        return false;
      case TEMPORARILY_BANNED:
        onTemporarilyBanned(failure);
        return true;
      default:
        return true;
    }
  };
});
