// @ts-check
/** Count down to a moment, in minutes and seconds. */

/**
 * Call `show(text, secondsLeft)` now and every second, then `over()` once; return what stops it.
 * It follows the clock, so it is right after a tab has slept.
 * @param {number} seconds
 * @param {(text: string, secondsLeft: number) => void} show
 * @param {() => void} [over]
 * @returns {() => void}
 */
export function countDown(seconds, show, over = () => {}) {
  const end = performance.now() + seconds * 1000;
  const timer = setInterval(tick, 1000);
  tick();
  return () => clearInterval(timer);

  function tick() {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    show(clock(left), left);
    if (left > 0) return;
    clearInterval(timer);
    over();
  }
}

/** @param {number} seconds */
function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
