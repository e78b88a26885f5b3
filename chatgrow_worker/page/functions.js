// Every function of wa-js and of WhatsApp's own modules that we use. inpage.js makes all its calls
// through this list, so that the list and the use cannot differ.
//
// To add a function, add one line to FUNCTIONS and call it as `whatsApp.NAME(…)` in inpage.js:
//   NAME: waJs('chat.find', SENDING)                       wa-js's own, by its path below window.WPP
//   NAME: own('WAWebCmd', 'Cmd.on', LINKING)               WhatsApp's own, by module and path in it
//   NAME: running('WAWebCmd', 'Cmd', STATE)                an object of WhatsApp's own, or null while
//                                                         the page has not run the module itself
//   NAME: constant(own('WAWebConnModel', 'Conn.refTTL', LINKING))   the same for what is no function
// The last part says what it is for. SENDING: no message can go out without it.
// A unit test refuses `WPP.…` and `require(…)` elsewhere, and names here that nothing uses.
const whatsApp = (() => {
  const SENDING = 'sending';
  const STATE = 'state';
  const LINKING = 'linking';
  const NUMBERS = 'numbers';
  const GROUPS = 'groups';
  const TYPING = 'typing';

  const waJs = (path, purpose) => ({path, purpose, root: () => window.WPP});
  const own = (module, path, purpose) => ({path, purpose, root: () => window.require(module)});
  const constant = (entry) => ({...entry, constant: true});
  // To run a module before the page does may change what the page does.
  const running = (module, path, purpose) => ({path, purpose, root: () => exportsOf(module), object: true});

  function exportsOf(module) {
    if (typeof window.require !== 'function') return null;
    const entry = window.require('__debug').modulesMap[module];
    if (!entry) return null;
    return window.WPP?.isReady ? window.require(module) : entry.exports;
  }

  const FUNCTIONS = {
    on: waJs('on', STATE),
    streamData: waJs('conn.getStreamData', STATE),
    isAuthenticated: waJs('conn.isAuthenticated', STATE),
    isOnline: waJs('conn.isOnline', STATE),
    isIdle: waJs('conn.isIdle', STATE),
    needsUpdate: waJs('conn.needsUpdate', STATE),
    socket: waJs('whatsapp.Socket.get', STATE),
    onSocket: waJs('whatsapp.Socket.on', STATE),
    comms: own('WAComms', 'getComms', STATE),
    commandBus: running('WAWebCmd', 'Cmd', STATE),
    myId: waJs('conn.getMyUserId', STATE),

    findChat: waJs('chat.find', SENDING),
    storedMessage: waJs('chat.getMessageById', SENDING),
    newMessageId: waJs('chat.generateMessageID', SENDING),
    sendText: waJs('chat.sendTextMessage', SENDING),
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
    queryNumber: waJs('whatsapp.functions.queryWidExists', NUMBERS),
    wid: waJs('util.createWid', NUMBERS),
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

  return Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, entry]) => [name, caller(entry)]),
  );
})();
