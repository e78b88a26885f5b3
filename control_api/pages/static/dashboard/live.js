// @ts-check
/**
 * Keep what a view shows true: changed by the server's events, asked for again now and then, and
 * asked for often while the stream of events is away.
 */

import { ROOT } from './api.js';
import { showConnectivity } from './frame.js';
import { Refusal } from '../shared/request.js';

const AT_MOST_EVERY_MS = 1_500;
const WITH_STREAM_MS = 30_000;
const WITHOUT_STREAM_MS = 5_000;
const OPEN_AGAIN_MS = 15_000;

/**
 * What a view does with its events: by name, as `connection.state`, what shows the data of one.
 * It returns false where the event alone does not tell enough, and all is asked for again.
 * @typedef {Record<string, (data: any) => boolean>} Appliers
 */

/**
 * Call `refresh()`, which returns a promise, now and whenever something else than the events tell
 * may have changed. Returns a function that asks for a refresh now, for after a change of one's own.
 * @param {() => Promise<void>} refresh
 * @param {Appliers} appliers
 */
export function keepTrue(refresh, appliers) {
  const keeper = new Keeper(refresh, appliers);
  keeper.run();
  return () => keeper.wake(0);
}

class Keeper {
  #refresh;
  #appliers;
  /** @type {EventSource | null} */
  #stream = null;
  #streaming = false;
  #failures = 0;
  #due = 0;
  /** @type {number | undefined} */
  #timer;
  #busy = false;
  /** Within how much time another refresh was asked for while one was running. */
  #next = Infinity;

  /**
   * @param {() => Promise<void>} refresh
   * @param {Appliers} appliers
   */
  constructor(refresh, appliers) {
    this.#refresh = refresh;
    this.#appliers = appliers;
  }

  run() {
    this.#follow();
    document.addEventListener('visibilitychange', () => {
      this.#follow();
      this.wake(0);
    });
    addEventListener('online', () => this.wake(0));
    addEventListener('offline', () => showConnectivity('offline'));
    this.wake(0);
  }

  /**
   * Refresh within so many milliseconds; what nobody looks at can wait.
   * @param {number} within
   */
  wake(within) {
    if (this.#busy) {
      this.#next = Math.min(this.#next, within);
      return;
    }
    if (document.hidden && this.#timer) return;
    const due = performance.now() + within;
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#work(), within);
  }

  async #work() {
    this.#timer = undefined;
    this.#busy = true;
    this.#next = Infinity;
    let pause = this.#streaming ? WITH_STREAM_MS : WITHOUT_STREAM_MS;
    try {
      await this.#refresh();
      this.#failures = 0;
      // An answer may have been on its way when the line went down.
      showConnectivity(navigator.onLine ? null : 'offline');
    } catch (error) {
      pause = this.#failed(error);
      this.#next = Infinity;
    }
    this.#busy = false;
    this.wake(Math.min(pause, this.#next));
  }

  /**
   * Tell that the line is down, unless it is the first time; return how long to wait.
   * @param {unknown} error
   */
  #failed(error) {
    this.#failures += 1;
    const refused = error instanceof Refusal && error.status < 500;
    if (!navigator.onLine) showConnectivity('offline');
    else if (!refused && this.#failures > 1) showConnectivity('unreachable');
    if (!(error instanceof Refusal) && !isNetworkError(error)) console.error(error);
    return Math.max(WITHOUT_STREAM_MS, error instanceof Refusal ? error.retryAfterSeconds * 1000 : 0);
  }

  /** Follow the events while somebody looks: a browser has few connections for all its tabs. */
  #follow() {
    if (document.hidden) this.#close();
    else if (!this.#stream) this.#open();
  }

  #open() {
    const stream = new EventSource(`${ROOT}api/whatsapp/events`);
    this.#stream = stream;
    stream.addEventListener('open', () => {
      this.#streaming = true;
      this.wake(0);
    });
    stream.addEventListener('gap', () => this.wake(AT_MOST_EVERY_MS));
    for (const [name, apply] of Object.entries(this.#appliers)) {
      stream.addEventListener(name, ({ data }) => {
        const shown = apply(JSON.parse(data));
        // The answer that is on its way may be older than the event.
        if (!shown || this.#busy) this.wake(AT_MOST_EVERY_MS);
      });
    }
    stream.addEventListener('error', () => {
      this.#streaming = false;
      this.wake(WITHOUT_STREAM_MS);
      // A browser tries again by itself, but not after an answer that is no stream.
      if (stream.readyState === EventSource.CLOSED && stream === this.#stream) {
        this.#close();
        setTimeout(() => this.#follow(), OPEN_AGAIN_MS);
      }
    });
  }

  #close() {
    this.#stream?.close();
    this.#stream = null;
    this.#streaming = false;
  }
}

/** @param {unknown} error */
function isNetworkError(error) {
  return error instanceof TypeError || (error instanceof Error && error.name === 'AbortError');
}
