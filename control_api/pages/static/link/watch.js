// @ts-check
/** Follow the state of linking: one request that waits, again and again, while somebody looks. */

import { Refusal } from '../shared/request.js';

/** @import { SignedLink } from './signed_link.js' */

/**
 * What the server told, or only the stage where it told nothing.
 * @typedef {Partial<Omit<Api.LinkState, 'stage'>> & {stage: string}} Shown
 */

const WAIT_SECONDS = 25;
const ANSWER_WITHIN_MS = 40_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
// Longer than it takes to type a code in another app of the same phone.
const HIDDEN_AT_MOST_MS = 180_000;
const ENDS = ['link_expired', 'link_used', 'link_unknown'];

/**
 * Call `show(state)` with each new state, until `show` returns true or the signal aborts: then
 * nothing more comes.
 * @param {SignedLink} link
 * @param {(state: Shown) => Promise<boolean>} show
 * @param {AbortSignal} [signal]
 */
export async function watch(link, show, signal) {
  let seen = '';
  let failures = 0;
  while (!signal?.aborted) {
    if (await rested()) seen = '';
    try {
      const state = await look(link, seen, signal);
      failures = 0;
      if (state.version === seen) continue;
      seen = state.version;
      if (await show(state)) return;
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof Refusal && ENDS.includes(error.code)) {
        await show({ stage: error.code });
        return;
      }
      failures += 1;
      seen = '';
      // One failure alone is nothing to speak of, nor is being asked to be slower.
      const slower = error instanceof Refusal && error.status === 429;
      if (!slower && (failures > 1 || !navigator.onLine)) {
        await show({ stage: navigator.onLine ? 'unreachable' : 'offline' });
      }
      await pause(error, failures);
    }
  }
}

/**
 * @param {SignedLink} link
 * @param {string} seen
 * @param {AbortSignal} [signal]
 * @returns {Promise<Api.LinkState>}
 */
function look(link, seen, signal) {
  /** @type {Record<string, string>} */
  const query = seen ? { seen, wait: String(WAIT_SECONDS) } : {};
  return link.ask('state', { query, within: ANSWER_WITHIN_MS, signal });
}

/**
 * @param {unknown} error
 * @param {number} failures
 */
function pause(error, failures) {
  const asked = error instanceof Refusal ? error.retryAfterSeconds * 1000 : 0;
  const longer = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(asked, longer));
    if (!asked) addEventListener('online', resolve, { once: true });
  });
}

/** @type {number | null} */
let hiddenSince = document.hidden ? performance.now() : null;
document.addEventListener('visibilitychange', () => {
  hiddenSince = document.hidden ? performance.now() : null;
});

/** Wait until somebody looks again, if nobody has for long; return whether it waited. */
async function rested() {
  if (hiddenSince === null || performance.now() - hiddenSince < HIDDEN_AT_MOST_MS) return false;
  await new Promise((resolve) => {
    document.addEventListener('visibilitychange', resolve, { once: true });
  });
  return true;
}
