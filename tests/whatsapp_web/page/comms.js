/*
 * Whether the page keeps a line at all: once it has stopped, it opens none until it is loaded anew.
 */
'use strict';

defineModule('WAComms', (exports, require) => {
  const { transport } = require('WAWebTransport');
  let comms = { ended: false };

  exports.getComms = () => comms;

  /** Close the line and open none any more; `getComms` returns null from now on. */
  exports.stopComms = () => {
    comms = null;
    transport.close();
  };

  /** Close the line and open none any more; all that shows is that none comes. */
  exports.closeSocketAndPreventRetry = () => {
    comms.ended = true;
    transport.close();
  };

  exports.goesOn = () => comms !== null && !comms.ended;
});

defineModule('WAWebReconnectWaits', (exports, require) => {
  const LIVED = 10;
  const JITTER = 0.1;
  const unit = () => (require('WAWebServerMood').now().reconnectMs ?? 1000) * 0.4;
  let opened = 0;
  let pair = [1, 0];

  /** Note that a line stands. */
  exports.opened = () => {
    opened = performance.now();
  };

  /** Let the next try come at once: comms that start anew wait for nothing. */
  exports.startAnew = () => {
    opened = -Infinity;
  };

  /** How long to wait before the next try: nothing after a line that had lived, else as Fibonacci has it. */
  exports.next = () => {
    const lived = opened && performance.now() - opened >= LIVED * unit();
    opened = 0;
    if (lived) {
      pair = [1, 0];
      return 0;
    }
    const [now, before] = pair;
    pair = [now + before, now];
    return now * unit() * (1 + JITTER * Math.random());
  };

  /** How long it takes until a line that is opened anew carries something. */
  exports.handshake = () => unit() / 0.4;
});
