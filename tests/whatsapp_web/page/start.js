/*
 * Start the page.
 */
'use strict';

require('WAWebDeferredModules').begin();
(async () => {
  const goesElsewhere = await require('WAWebHandlePreviousLogout').handlePreviousLogoutFailures();
  if (goesElsewhere) return;
  require('WAWebView').begin();
  require('WAWebInbox').listen();
  require('WAWebActionListener').listen();
  require('WAWebSocketModel').Socket.initConn();
  require('WAWebAppSwInitializer').initializeSw({ swScriptPath: '/sw.js', swScope: '/' });
})();
