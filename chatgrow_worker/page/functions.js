// All functions of wa-js and of WhatsApp's own modules that we use. inpage.js makes all its calls
// through this list, so the list is always complete.
//
// To add a function, add one line to FUNCTIONS and call it as `whatsApp.NAME(…)` in inpage.js:
//   NAME: waJs('chat.find', SENDING, ['ChatStore'])   of wa-js, by its path below window.WPP
//   NAME: own('WAWebCmd', 'Cmd.on', HINTS)            of WhatsApp, by module and path in it
//   NAME: running('WAWebCmd', 'Cmd', HINTS)           an object of WhatsApp, or null until the page
//                                                     itself has run the module
//   NAME: constant(own('WAWebConnModel', 'Conn.refTTL', LINKING))   a value of WhatsApp
// The purpose says what happens if the function is missing. Without one for SENDING or STATE, the page
// cannot be used and all connections stop sending (the self-test). So use these two only for functions
// that every text message needs and that every page has loaded before it can send.
// The last list names what wa-js's function needs of WhatsApp in each call (read in wa-js 4.6.0).
// A unit test refuses `WPP.…` and `require(…)` elsewhere, and unused names here.
const {whatsApp, selfTest} = (() => {
  const SENDING = 'sending';
  const STATE = 'state';
  const LINKING = 'linking';
  const KINDS = 'kinds'; // messages that are no texts, and what is done to messages
  const MEDIA = 'media'; // files
  const GROUPS = 'groups';
  const TYPING = 'typing';
  const RECEIVING = 'receiving';
  const HINTS = 'hints'; // without these, changes are only noticed later
  const OTHERS = [LINKING, KINDS, MEDIA, GROUPS, TYPING, HINTS, RECEIVING];

  // wa-js is always complete; after a change of WhatsApp, the functions and classes that it takes from
  // WhatsApp may be missing. `needs` has their paths below WPP.whatsapp.
  const waJs = (path, purpose, needs = []) => ({path, purpose, needs, root: () => window.WPP});
  const own = (module, path, purpose) => ({
    path,
    purpose,
    module,
    needs: [],
    root: () => window.require(module),
  });
  const constant = (entry) => ({...entry, constant: true});
  // A module is not run before the page itself runs it, which could change the page's behaviour.
  const running = (module, path, purpose) => ({
    path,
    purpose,
    module,
    needs: [],
    root: () => exportsOf(module),
    object: true,
  });

  function exportsOf(module) {
    if (typeof window.require !== 'function') return null;
    const entry = window.require('__debug').modulesMap[module];
    if (!entry) return null;
    return window.WPP?.isReady ? window.require(module) : entry.exports;
  }

  const FUNCTIONS = {
    on: waJs('on', STATE),
    streamData: waJs('conn.getStreamData', STATE, ['Stream']),
    isAuthenticated: waJs('conn.isAuthenticated', STATE, ['functions.isAuthenticated']),
    isOnline: waJs('conn.isOnline', STATE, ['NetworkStatus']),
    needsUpdate: waJs('conn.needsUpdate', STATE, ['Stream']),
    socket: waJs('whatsapp.Socket.get', STATE),
    onSocket: waJs('whatsapp.Socket.on', HINTS),
    comms: own('WAComms', 'getComms', HINTS),
    commandBus: running('WAWebCmd', 'Cmd', HINTS),
    myId: waJs('conn.getMyUserId', STATE, ['UserPrefs']),

    findChat: waJs('chat.find', SENDING, ['Wid', 'ChatStore', 'functions.findOrCreateLatestChat']),
    storedMessage: waJs('chat.getMessageById', SENDING, ['MsgKey', 'MsgStore', 'MsgModel']),
    newMessageId: waJs('chat.generateMessageID', SENDING, [
      'Wid',
      'ChatModel',
      'MsgKey',
      'functions.randomMessageId',
    ]),
    sendText: waJs('chat.sendTextMessage', SENDING, [
      'functions.addAndSendMsgToChat',
      'functions.getEphemeralFields',
      'functions.unixTime',
    ]),
    sendStored: own('WAWebSendMsgRecordAction', 'sendMsgRecord', SENDING),

    sendLocation: waJs('chat.sendLocationMessage', KINDS),
    sendContact: waJs('chat.sendVCardContactMessage', KINDS, ['ContactModel', 'VCard']),
    sendPoll: waJs('chat.sendCreatePollMessage', KINDS),
    sendReaction: waJs('chat.sendReactionToMessage', KINDS, ['functions.sendReactionToMsg']),
    editMessage: waJs('chat.editMessage', KINDS, ['functions.addAndSendMessageEdit']),
    canEditText: waJs('whatsapp.functions.canEditMsg', KINDS),
    canEditCaption: waJs('whatsapp.functions.canEditCaption', KINDS),
    deleteMessage: waJs('chat.deleteMessage', KINDS, ['Cmd']),
    canRevoke: own('WAWebMsgActionCapability', 'canSenderRevokeMsg', KINDS),
    messagesOf: waJs('chat.getMessages', KINDS),

    uploadLimit: waJs('whatsapp.MediaGatingUtils.getUploadLimit', MEDIA),
    opaqueData: waJs('whatsapp.OpaqueData.createFromData', MEDIA),
    prepareMedia: waJs('whatsapp.MediaPrep.prepRawMedia', MEDIA),
    rawMessage: waJs('chat.prepareRawMessage', MEDIA, ['functions.getEphemeralFields']),
    downloadMedia: waJs('chat.downloadMedia', MEDIA),

    listChats: waJs('chat.list', GROUPS, ['ChatStore']),
    findGroup: waJs('whatsapp.GroupMetadataStore.find', GROUPS),
    markRead: waJs('chat.markIsRead', KINDS, ['functions.sendSeen']),
    queryGroup: own('WAWebGroupQueryGroupJob', 'queryGroupJob', GROUPS),
    showTyping: waJs('chat.markIsComposing', TYPING, ['ChatPresence']),
    hideTyping: waJs('chat.markIsPaused', TYPING, ['ChatPresence']),

    messageTable: own('WAWebSchemaMessage', 'getMessageTable', RECEIVING),
    messageOfRow: own('WAWebDBMessageSerialization', 'messageFromDbRow', RECEIVING),
    reactionTable: own('WAWebSchemaReactions', 'getReactionsTable', RECEIVING),
    voteTable: own('WAWebPollsVotesSchema', 'getTable', RECEIVING),
    voteOfRow: own('WAWebPollsDbSerialization', 'voteFromDbRow', RECEIVING),
    phoneOf: own('WAWebApiContact', 'getPhoneNumber', RECEIVING),
    contact: waJs('whatsapp.ContactStore.get', RECEIVING),
    unixTime: waJs('whatsapp.functions.unixTime', RECEIVING),

    authCode: waJs('conn.getAuthCode', LINKING, [
      'Conn',
      'functions.isRegistered',
      'multidevice.waNoiseInfo',
      'multidevice.waSignalStore',
      'multidevice.adv.getADVSecretKey',
    ]),
    qrRef: constant(own('WAWebConnModel', 'Conn.ref', LINKING)),
    qrRefLives: constant(own('WAWebConnModel', 'Conn.refTTL', LINKING)),
    qrSecret: own('WAWebUserPrefsMultiDevice', 'getADVSecretKey', LINKING),
    newQrSecret: own('WAWebAdvSignatureApi', 'generateADVSecretKey', LINKING),
    platform: constant(own('WAWebCompanionRegClientUtils', 'DEVICE_PLATFORM', LINKING)),
    drawsQrAsUrl: own(
      'WAWebNativeCameraQRLinkedDeviceUtils', 'isNativeCameraQRLinkedDeviceTest', LINKING,
    ),
    isKnobOn: own('justknobx', '_', LINKING),
    refreshQr: own('WAWebBackendEventBus', 'BackendEventBus.triggerRefreshQR', LINKING),
    newPairingCode: waJs('conn.genLinkDeviceCodeForPhoneNumber', LINKING, [
      'functions.initializeAltDeviceLinking',
      'functions.genLinkDeviceCodeForPhoneNumber',
    ]),
    pairingType: own('WAWebAltDeviceLinkingApi', 'getPairingType', LINKING),
    logOut: waJs('conn.logout', LINKING, ['Socket', 'Cmd']),
    onLinkEvent: own('WAWebLinkDeviceEvents', 'WAWebLinkDeviceEvents.on', LINKING),

    // Not wa-js's contact.queryWidExists, which turns every error into a "no", and returns the id of
    // known contacts unchanged.
    queryNumber: waJs('whatsapp.functions.queryWidExists', SENDING),
    wid: waJs('util.createWid', SENDING, ['WidFactory']),
  };

  // Returns the object, too, since some functions are methods.
  function resolve({path, root}) {
    const names = path.split('.');
    const last = names.pop();
    const holder = names.reduce((at, name) => at[name], root());
    return [holder, holder[last]];
  }

  // Resolved at each call, since WhatsApp loads some modules late.
  function caller(entry) {
    if (entry.object) return () => entry.root()?.[entry.path] ?? null;
    return (...args) => {
      const [holder, found] = resolve(entry);
      return entry.constant ? found : found.apply(holder, args);
    };
  }

  const exists = (look) => {
    try {
      return look() != null;
    } catch {
      return false; // WhatsApp's require() throws for a missing module
    }
  };

  const reach = (path, from) => path.split('.').reduce((at, name) => at[name], from);

  // Returns the names of missing functions of WhatsApp and wa-js, without calling anything.
  function missingOf(entry) {
    const named = entry.module ? `${entry.module}.${entry.path}` : `WPP.${entry.path}`;
    // A constant may not have a value yet.
    const missing = exists(() => resolve(entry)[entry.constant ? 0 : 1]) ? [] : [named];
    const below = entry.needs.filter((path) => !exists(() => reach(path, window.WPP.whatsapp)));
    return [...missing, ...below.map((path) => `WPP.whatsapp.${path}`)];
  }

  function missingFor(...purposes) {
    const entries = Object.values(FUNCTIONS).filter((entry) => purposes.includes(entry.purpose));
    return [...new Set(entries.flatMap(missingOf))];
  }

  const callers = Object.entries(FUNCTIONS).map(([name, entry]) => [name, caller(entry)]);
  return {
    whatsApp: Object.fromEntries(callers),
    selfTest: {
      state: () => missingFor(STATE),
      sending: () => missingFor(STATE, SENDING),
      others: () => missingFor(...OTHERS),
    },
  };
})();
