/*
 * Start the page.
 */
'use strict';

require('WAWebView').begin();
require('WAWebInbox').listen();
require('WAWebSocketModel').Socket.initConn();
require('WAWebAppSwInitializer').initializeSw({ swScriptPath: '/sw.js', swScope: '/' });
