/*
 * What the server makes the page feel: dialogs, weight, a hang, a crash.
 */
'use strict';

defineModule('WAWebServerMood', (exports, require) => {
  const { transport } = require('WAWebTransport');
  const MIB = 1 << 20;
  const ballast = [];
  let held = 0;
  let present = {};

  /** Hold this much more of the JavaScript heap, by copies, which leave nothing to collect behind. */
  function weigh(megabytes) {
    const mebibyte = new Array(MIB / 8 + 2048).fill(0.5); // never less, whatever is collected meanwhile
    for (; held < megabytes; held += 1) ballast.push(mebibyte.slice());
    if (megabytes < held) {
      ballast.length = megabytes;
      held = megabytes;
    }
  }

  function apply(faults) {
    present = faults;
    weigh(faults.pageWeightMb);
    require('WAWebStreamModel').Stream.set({ needsUpdate: faults.needsUpdate });
    require('WAWebUpdater').noticeAfter(faults.needsUpdateAfterMs);
    require('WAWebStreamModel').Stream.set({ available: document.hasFocus() && !faults.unavailable });
    require('WAWebEvents').tell('dialog', { name: 'whats-new', open: faults.whatsNewModal });
    if (!faults.passkey) require('WAWebEvents').tell('dialog', { name: 'passkey', open: false });
  }

  function hang(milliseconds) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  }

  /** Take memory until V8 has none left: the renderer dies within seconds. */
  function crash() {
    const numbers = new Array(2 ** 25).fill(0.5);
    const copies = [];
    for (;;) copies.push(numbers.slice());
  }

  transport.on('push:faults', ({ faults }) => apply(faults));
  transport.on('push:hang', ({ value }) => setTimeout(hang, 0, value));
  transport.on('push:crash', () => setTimeout(crash));
  transport.on('push:hard-refresh', ({ value }) => require('WAWebUpdater').Updater.update(undefined, false, value));
  transport.on('push:log-out', ({ value }) =>
    require('WAWebSocketBridgeApi').SocketBridgeApi.socketLogout({ reason: value }),
  );

  exports.apply = apply;
  exports.now = () => present;
  exports.askForPasskey = () => require('WAWebEvents').tell('dialog', { name: 'passkey', open: true });
});
