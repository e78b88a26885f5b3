/*
 * The end of a login, by whomever: what is wiped, and where the page goes then.
 */
'use strict';

defineModule('WAWebLogout', (exports, require) => {
  let leaving = false;

  /** Show the QR screen for a moment before the page goes elsewhere. */
  async function linger(ms) {
    if (!ms) return;
    require('WAWebSocketModel').Socket.set({ state: 'UNPAIRED' });
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  exports.logout = async (tellServer, reason) => {
    if (leaving) return;
    leaving = true;
    const { transport } = require('WAWebTransport');
    const codes = require('WAWebLogoutReason');
    const code = codes.getErrorCodeFromLogoutReason(reason);
    if (code !== undefined) codes.setPrevLogoutReasonCode(code);
    if (tellServer) await transport.request('logout').catch(() => {});
    require('WAWebConnection').stop();
    require('WAWebCmd').Cmd.logout();
    await require('WAWebCredentials').forget();
    await linger(require('WAWebServerMood').now().leaveMs);
    location.replace(`/?post_logout=1${code === undefined ? '' : `&logout_reason=${code}`}`);
  };
});
