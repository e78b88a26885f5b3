/*
 * The names and numbers that both the page and its clients use.
 */
'use strict';

__d('WAWebAck', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.ACK = { MD_DOWNGRADE: -7, INACTIVE: -6, CONTENT_UNUPLOADABLE: -5, CONTENT_TOO_BIG: -4, CONTENT_GONE: -3, EXPIRED: -2, FAILED: -1, CLOCK: 0, SENT: 1, RECEIVED: 2, READ: 3, PLAYED: 4, PEER: 5 };
  exports.EDIT_ATTR = { SENDER_REVOKE: 7, ADMIN_REVOKE: 8 };
  exports.ACK_STRING = { SENDER: 'sender', DELIVERY: 'delivery', READ: 'read', PLAYED: 'played', INACTIVE: 'inactive', READ_SELF: 'read-self', PLAYED_SELF: 'played-self' };
});

__d('WAWebSocketConstants', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const same = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  exports.SOCKET_STATE = same('OPENING', 'PAIRING', 'UNPAIRED', 'UNPAIRED_IDLE', 'CONNECTED', 'TIMEOUT', 'CONFLICT', 'UNLAUNCHED', 'PROXYBLOCK', 'TOS_BLOCK', 'SMB_TOS_BLOCK', 'DEPRECATED_VERSION');
  exports.SOCKET_STREAM = same('DISCONNECTED', 'SYNCING', 'RESUMING', 'CONNECTED');
  exports.WATCHED_SOCKET_STATE = same('OPEN', 'CLOSED');
});

__d('WAWebStreamConstants', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const same = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  exports.StreamInfo = same('OFFLINE', 'OPENING', 'PAIRING', 'SYNCING', 'RESUMING', 'CONNECTING', 'NORMAL');
  exports.StreamMode = same('QR', 'MAIN', 'SYNCING', 'OFFLINE', 'CONFLICT', 'PROXYBLOCK', 'TOS_BLOCK', 'SMB_TOS_BLOCK', 'DEPRECATED_VERSION');
});

__d('WAWebSendMsgResultEnum', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const same = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  exports.SendMsgResult = same('OK', 'ERROR_NETWORK', 'ERROR_EXPIRED', 'ERROR_CANCELLED', 'ERROR_UPLOAD', 'ERROR_UNKNOWN');
});

__d('WAWebMsgType', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.MSG_TYPE = { CHAT: 'chat', IMAGE: 'image', VIDEO: 'video', AUDIO: 'audio', PTT: 'ptt', DOCUMENT: 'document', STICKER: 'sticker', LOCATION: 'location', VCARD: 'vcard', CIPHERTEXT: 'ciphertext', PROTOCOL: 'protocol', REVOKED: 'revoked', GP2: 'gp2', UNKNOWN: 'unknown' };
  exports.SYSTEM_MESSAGE_TYPES = ['gp2', 'e2e_notification', 'notification_template'];
});

__d('WAWebLogoutReasonConstants', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.LogoutReason = { UserInitiated: 'user_initiated', UnknownCompanion: 'unknown_companion', AccountLocked: 'account_locked', ClientVersionOutdated: 'client_version_outdated', StorageInitializationFailed: 'web_fail_storage_initialization' };
  exports.LOGOUT_REASON_CODE = { UserInitiated: 0, UnknownCompanion: 1, AccountLocked: 2, ClientVersionOutdated: 3, StorageInitializationFailed: 4 };
});

__d('WAWebLogoutReason', ['WAWebLogoutReasonConstants'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const { LogoutReason, LOGOUT_REASON_CODE } = require('WAWebLogoutReasonConstants');
  exports.getErrorCodeFromLogoutReason = (reason) => {
    const name = Object.keys(LogoutReason).find((key) => LogoutReason[key] === reason);
    return LOGOUT_REASON_CODE[name] ?? LOGOUT_REASON_CODE.UserInitiated;
  };
  exports.setPrevLogoutReasonCode = (code) => sessionStorage.setItem('prev-logout-reason-code', String(code));
  exports.getPrevLogoutReasonCode = () => sessionStorage.getItem('prev-logout-reason-code');
  exports.setPrevCustomLogoutMessage = (text) => sessionStorage.setItem('prev-logout-message', text);
  exports.getPrevCustomLogoutMessage = () => sessionStorage.getItem('prev-logout-message');
});

__d('WAWebBuildConstants', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.VERSION_PRIMARY = '2';
  exports.VERSION_SECONDARY = '3000';
  exports.VERSION_TERTIARY = '1039000000';
  exports.VERSION_STR = '2.3000.1039000000';
  exports.SANITIZED_VERSION_STR = exports.VERSION_STR;
});

__d('WAWebMiscBrowserUtils', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const { userAgent } = navigator;
  const os = /Windows/.test(userAgent) ? 'Windows' : /Mac OS/.test(userAgent) ? 'Mac OS' : 'Linux';
  exports.default = {
    id: 'Chrome',
    info: () => ({ name: 'Chrome', os, version: /Chrome\/([\d.]+)/.exec(userAgent)?.[1], ua: userAgent }),
    hardRefresh: () => location.reload(),
    startDownloading() {},
  };
}, 98);

__d('WAWebIsOfficialClient', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.isOfficialClient = false;
});

__d('WAWebEnvironment', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  exports.default = { isWeb: true, isWindows: false };
}, 98);

window.Debug = { VERSION: '2.3000.1039000000' };
