/*
 * Small helpers that the other modules share: random numbers, Base64, the clock.
 */
'use strict';

defineModule('WAWebRandomHex', (exports) => {
  exports.randomHex = (length) =>
    Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => byte.toString(16).padStart(2, '0'))
      .join('')
      .toUpperCase();
});

defineModule('WAJids', (exports) => {
  Object.assign(exports, { GROUP_JID: 'g.us', CHAT_JID: 'c.us', STATUS_JID: 'status@broadcast' });
  exports.validateUserJid = (jid) => jid;
});

defineModule('WABase64', (exports) => {
  const encodeB64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const decodeB64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  Object.assign(exports, {
    encodeB64,
    decodeB64,
    decodeB64ToJsArray: (text) => Array.from(new Uint8Array(decodeB64(text))),
  });
});

defineModule('WATimeUtils', (exports) => {
  exports.unixTime = () => Math.floor(Date.now() / 1000);
  exports.unixTimeMs = () => Date.now();
});
