/*
 * The names and numbers that both the page and its clients use.
 */
'use strict';

defineModule('WAWebAck', (exports) => {
  exports.ACK = {
    MD_DOWNGRADE: -7,
    INACTIVE: -6,
    CONTENT_UNUPLOADABLE: -5,
    CONTENT_TOO_BIG: -4,
    CONTENT_GONE: -3,
    EXPIRED: -2,
    FAILED: -1,
    CLOCK: 0,
    SENT: 1,
    RECEIVED: 2,
    READ: 3,
    PLAYED: 4,
    PEER: 5,
  };
  exports.EDIT_ATTR = { SENDER_REVOKE: 7, ADMIN_REVOKE: 8 };
  exports.ACK_STRING = {
    SENDER: 'sender',
    DELIVERY: 'delivery',
    READ: 'read',
    PLAYED: 'played',
    INACTIVE: 'inactive',
    READ_SELF: 'read-self',
    PLAYED_SELF: 'played-self',
  };
});

defineModule('WAWebSocketConstants', (exports) => {
  const same = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  exports.SOCKET_STATE = same(
    'OPENING',
    'PAIRING',
    'UNPAIRED',
    'UNPAIRED_IDLE',
    'CONNECTED',
    'TIMEOUT',
    'CONFLICT',
    'UNLAUNCHED',
    'PROXYBLOCK',
    'TOS_BLOCK',
    'SMB_TOS_BLOCK',
    'DEPRECATED_VERSION',
  );
  exports.SOCKET_STREAM = same('DISCONNECTED', 'SYNCING', 'RESUMING', 'CONNECTED');
  exports.WATCHED_SOCKET_STATE = same('OPEN', 'CLOSED');
});

defineModule('WAWebStreamConstants', (exports) => {
  const same = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  exports.StreamInfo = same('OFFLINE', 'OPENING', 'PAIRING', 'SYNCING', 'RESUMING', 'CONNECTING', 'NORMAL');
  exports.StreamMode = same(
    'QR',
    'MAIN',
    'SYNCING',
    'OFFLINE',
    'CONFLICT',
    'PROXYBLOCK',
    'TOS_BLOCK',
    'SMB_TOS_BLOCK',
    'DEPRECATED_VERSION',
  );
});

defineModule('WAWebSendMsgResultEnum', (exports) => {
  const same = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  exports.SendMsgResult = same(
    'OK',
    'ERROR_NETWORK',
    'ERROR_EXPIRED',
    'ERROR_CANCELLED',
    'ERROR_UPLOAD',
    'ERROR_UNKNOWN',
  );
});

defineModule('WAWebMsgType', (exports) => {
  exports.MSG_TYPE = {
    CHAT: 'chat',
    IMAGE: 'image',
    VIDEO: 'video',
    AUDIO: 'audio',
    PTT: 'ptt',
    DOCUMENT: 'document',
    STICKER: 'sticker',
    LOCATION: 'location',
    VCARD: 'vcard',
    CIPHERTEXT: 'ciphertext',
    PROTOCOL: 'protocol',
    REVOKED: 'revoked',
    GP2: 'gp2',
    UNKNOWN: 'unknown',
  };
  exports.SYSTEM_MESSAGE_TYPES = ['gp2', 'e2e_notification', 'notification_template'];
});

defineModule('WAWebLogoutReasonConstants', (exports) => {
  exports.LogoutReason = {
    UserInitiated: 'user_initiated',
    SyncdFailure: 'syncd_failure',
    InvalidAdvStatus: 'invalid_adv_status',
    CriticalSyncTimeout: 'critical_sync_timeout',
    SyncdTimeout: 'syncd_timeout',
    HistorySyncTimeout: 'history_sync_timeout',
    AccountSyncTimeout: 'account_sync_timeout',
    MDOptOut: 'md_opt_out',
    UnknownCompanion: 'unknown_companion',
    ClientVersionOutdated: 'client_version_outdated',
    SyncdErrorDuringBootstrap: 'syncd_error_during_bootstrap',
    AccountSyncError: 'account_sync_error',
    StorageQuotaExceeded: 'storage_quota_exceeded',
    PrimaryIdentityKeyChange: 'primary_identity_key_change',
    MissingEncSalt: 'missing_enc_salt',
    MissingScreenLockSalt: 'missing_screen_lock_salt',
    AccountLocked: 'account_locked',
    LidMigrationSplitThreadMismatch: 'lid_migration_split_thread_mismatch',
    LidMigrationNoLidAvailiable: 'lid_migration_no_lid_available',
    LidMigrationPrimaryMappingsObsolete: 'lid_migration_primary_mappings_obsolete',
    LidMigrationPeerMappingsNotReceived: 'lid_migration_peer_mapping_not_received',
    LidMigrationStateDiscrepancy: 'lid_migration_state_discrepancy',
    LidMigrationPeerMappingsMalformed: 'lid_migration_peer_mapping_malformed',
    LidMigrationFailedToParseMapping: 'lid_migration_failed_to_parse_mapping',
    LidMigrationCompanionIncompatibleKillswitch: 'lid_migration_companion_incompatible_killswitch',
    LidMigrationOneOnOneThreadMigrationInternalError:
      'lid_migration_one_on_one_thread_migration_internal_error',
    LidBlocklistPnWhenMigrated: 'lid_blocklist_pn_when_migrated',
    LidBlocklistChatDbUnmigrated: 'lid_blocklist_chat_db_unmigrated',
    WebFailAddChat: 'web_fail_add_chat',
    WebFailOfflineResume: 'web_fail_offline_resume',
    WebFailStorageInitialization: 'web_fail_storage_initialization',
    WebFailEncSalt: 'web_fail_enc_salt',
    CacheStorageOpenFailed: 'cache_storage_open_failed',
  };
  exports.LOGOUT_REASON_CODE = {
    CLIENT_FATAL: '0',
    SYNC_FAIL: '1',
    INITIAL_HISTORY_SYNC_TIMEOUT: '2',
    ACCOUNT_LOCKED: '3',
  };
});

defineModule('WAWebUserPrefsKeys', (exports) => {
  exports.KEYS = { LOGOUT_DIRTY_BIT: 'post-logout' };
});

defineModule('WAWebLogoutReason', (exports, require) => {
  const { LogoutReason, LOGOUT_REASON_CODE } = require('WAWebLogoutReasonConstants');
  const WITH_CODE = {
    [LogoutReason.WebFailAddChat]: LOGOUT_REASON_CODE.CLIENT_FATAL,
    [LogoutReason.WebFailEncSalt]: LOGOUT_REASON_CODE.CLIENT_FATAL,
    [LogoutReason.WebFailOfflineResume]: LOGOUT_REASON_CODE.CLIENT_FATAL,
    [LogoutReason.WebFailStorageInitialization]: LOGOUT_REASON_CODE.CLIENT_FATAL,
    [LogoutReason.SyncdFailure]: LOGOUT_REASON_CODE.SYNC_FAIL,
    [LogoutReason.SyncdErrorDuringBootstrap]: LOGOUT_REASON_CODE.SYNC_FAIL,
    [LogoutReason.AccountSyncError]: LOGOUT_REASON_CODE.SYNC_FAIL,
    [LogoutReason.SyncdTimeout]: LOGOUT_REASON_CODE.SYNC_FAIL,
    [LogoutReason.CriticalSyncTimeout]: LOGOUT_REASON_CODE.SYNC_FAIL,
    [LogoutReason.HistorySyncTimeout]: LOGOUT_REASON_CODE.INITIAL_HISTORY_SYNC_TIMEOUT,
    [LogoutReason.AccountLocked]: LOGOUT_REASON_CODE.ACCOUNT_LOCKED,
  };
  let code = null;
  let message = null;
  exports.getErrorCodeFromLogoutReason = (reason) => WITH_CODE[reason] ?? null;
  exports.setPrevLogoutReasonCode = (last) => {
    code = last;
  };
  exports.getPrevLogoutReasonCode = () => code;
  exports.setPrevCustomLogoutMessage = (last) => {
    message = last;
  };
  exports.getPrevCustomLogoutMessage = () => message;
});

defineModule('WAWebBuildConstants', (exports) => {
  exports.VERSION_PRIMARY = '2';
  exports.VERSION_SECONDARY = '3000';
  exports.VERSION_TERTIARY = '1039000000';
  exports.VERSION_STR = '2.3000.1039000000';
  exports.SANITIZED_VERSION_STR = exports.VERSION_STR;
});

defineDefault('WAWebMiscBrowserUtils', (exports) => {
  const { userAgent } = navigator;
  const os = /Windows/.test(userAgent) ? 'Windows' : /Mac OS/.test(userAgent) ? 'Mac OS' : 'Linux';
  exports.default = {
    id: 'Chrome',
    info: () => ({ name: 'Chrome', os, version: /Chrome\/([\d.]+)/.exec(userAgent)?.[1], ua: userAgent }),
    hardRefresh: () => location.reload(),
    startDownloading() {},
  };
});

defineModule('WAWebIsOfficialClient', (exports) => {
  exports.isOfficialClient = false;
});

defineDefault('WAWebEnvironment', (exports) => {
  exports.default = { isWeb: true, isWindows: false };
});

window.Debug = { VERSION: '2.3000.1039000000' };
