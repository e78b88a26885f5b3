// Every function of wa-js and of WhatsApp's own modules that we use. inpage.js makes all its calls
// through this list, so that the list and the use cannot differ.
//
// To add a function, add one line to FUNCTIONS and call it as `whatsApp.NAME(…)` in inpage.js:
//   NAME: waJs('chat.find', SENDING, ['ChatStore'])   wa-js's own, by its path below window.WPP
//   NAME: own('WAWebCmd', 'Cmd.on', HINTS)            WhatsApp's own, by module and path in it
//   NAME: running('WAWebCmd', 'Cmd', HINTS)           an object of WhatsApp's own, or null while the
//                                                     page has not run the module itself
//   NAME: constant(own('WAWebConnModel', 'Conn.refTTL', LINKING))   the same for what is no function
// Behind that stands what it is for. Where one for SENDING or STATE is missing, the page cannot be used
// and all connections stop sending (the self-test). So these are for what each text message needs, and
// what an ordinary page has loaded by the time it can send; everything else has another purpose.
// The list in the end names what wa-js's function takes from WhatsApp, as far as each of its calls
// needs it (read in wa-js 4.6.0).
// A unit test refuses `WPP.…` and `require(…)` elsewhere, and names here that nothing uses.
const {whatsApp, selfTest} = (() => {
  const SENDING = 'sending';
  const STATE = 'state';
  const LINKING = 'linking';
  const GROUPS = 'groups';
  const TYPING = 'typing';
  const HINTS = 'hints'; // without them something is noticed later
  const OTHERS = [LINKING, GROUPS, TYPING, HINTS];

  // wa-js exists as a whole; what is missing after a change of WhatsApp are the functions and classes
  // that it takes from WhatsApp. `needs` names those by their path below WPP.whatsapp.
  const waJs = (path, purpose, needs = []) => ({path, purpose, needs, root: () => window.WPP});
  const own = (module, path, purpose) => ({
    path,
    purpose,
    module,
    needs: [],
    root: () => window.require(module),
  });
  const constant = (entry) => ({...entry, constant: true});
  // To run a module before the page does may change what the page does.
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
    isAuthenticated: waJs('conn.isAuthenticated', STATE),
    isOnline: waJs('conn.isOnline', STATE),
    isIdle: waJs('conn.isIdle', STATE),
    needsUpdate: waJs('conn.needsUpdate', STATE),
    socket: waJs('whatsapp.Socket.get', STATE),
    onSocket: waJs('whatsapp.Socket.on', HINTS),
    comms: own('WAComms', 'getComms', HINTS),
    commandBus: running('WAWebCmd', 'Cmd', HINTS),
    myId: waJs('conn.getMyUserId', STATE, ['UserPrefs']),

    findChat: waJs('chat.find', SENDING, ['Wid', 'ChatStore', 'functions.findOrCreateLatestChat']),
    storedMessage: waJs('chat.getMessageById', SENDING, ['MsgKey', 'MsgStore', 'MsgModel']),
    newMessageId: waJs('chat.generateMessageID', SENDING, ['functions.randomMessageId']),
    sendText: waJs('chat.sendTextMessage', SENDING, [
      'functions.addAndSendMsgToChat',
      'functions.getEphemeralFields',
      'functions.unixTime',
    ]),
    sendStored: own('WAWebSendMsgRecordAction', 'sendMsgRecord', SENDING),

    queryGroup: own('WAWebGroupQueryGroupJob', 'queryGroupJob', GROUPS),
    showTyping: waJs('chat.markIsComposing', TYPING),
    hideTyping: waJs('chat.markIsPaused', TYPING),

    authCode: waJs('conn.getAuthCode', LINKING),
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
    newPairingCode: waJs('conn.genLinkDeviceCodeForPhoneNumber', LINKING),
    pairingType: own('WAWebAltDeviceLinkingApi', 'getPairingType', LINKING),
    logOut: waJs('conn.logout', LINKING),
    onLinkEvent: own('WAWebLinkDeviceEvents', 'WAWebLinkDeviceEvents.on', LINKING),

    // Not wa-js's contact.queryWidExists: that one makes a "no" of every error, and answers for
    // known contacts with the id that it was asked for.
    queryNumber: waJs('whatsapp.functions.queryWidExists', SENDING),
    wid: waJs('util.createWid', SENDING),
  };

  // Some are methods of an object, so what holds them comes along.
  function resolve({path, root}) {
    const names = path.split('.');
    const last = names.pop();
    const holder = names.reduce((at, name) => at[name], root());
    return [holder, holder[last]];
  }

  // Resolved at each call: WhatsApp loads modules late, and wa-js finds them then.
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
      return false; // WhatsApp's require() throws for a module that is not there
    }
  };

  const reach = (path, from) => path.split('.').reduce((at, name) => at[name], from);

  // The names of what is not there, of WhatsApp's and wa-js's own. Nothing is called.
  function missingOf(entry) {
    const named = entry.module ? `${entry.module}.${entry.path}` : `WPP.${entry.path}`;
    // What is no function may have no value yet.
    const missing = exists(() => resolve(entry)[entry.constant ? 0 : 1]) ? [] : [named];
    const below = entry.needs.filter((path) => !exists(() => reach(path, window.WPP.whatsapp)));
    return [...missing, ...below.map((path) => `WPP.whatsapp.${path}`)];
  }

  const missingFor = (...purposes) =>
    Object.values(FUNCTIONS)
      .filter((entry) => purposes.includes(entry.purpose))
      .flatMap(missingOf);

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
