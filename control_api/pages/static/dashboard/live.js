/**
 * Keep what a view shows true: told by the server's events, asked again now and then, and asked
 * often while the stream of events is away.
 */

import { ROOT } from './api.js';
import { showConnectivity } from './frame.js';
import { Refusal } from '../shared/request.js';

const AT_MOST_EVERY_MS = 1_500;
const WITH_STREAM_MS = 30_000;
const WITHOUT_STREAM_MS = 5_000;
const OPEN_AGAIN_MS = 15_000;

/**
 * Call `refresh()`, which returns a promise, now and whenever something may have changed.
 * `names` are the events that matter, as `connection.state`. Returns a function that asks for a
 * refresh now, for after a change of one's own.
 */
export function keepTrue(refresh, names) {
  const keeper = new Keeper(refresh, names);
  keeper.run();
  return () => keeper.wake(0);
}

class Keeper {
  #refresh;
  #names;
  #stream = null;
  #streaming = false;
  #failures = 0;
  #due = 0;
  #timer;
  #busy = false;
  /** Within how much time another refresh was asked for while one was running. */
  #next = Infinity;

  constructor(refresh, names) {
    this.#refresh = refresh;
    this.#names = names;
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

  /** Refresh within so many milliseconds; what nobody looks at can wait. */
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
      showConnectivity(null);
    } catch (error) {
      pause = this.#failed(error);
      this.#next = Infinity;
    }
    this.#busy = false;
    this.wake(Math.min(pause, this.#next));
  }

  /** Tell that the line is down, unless it is the first time; return how long to wait. */
  #failed(error) {
    this.#failures += 1;
    const refused = error instanceof Refusal && error.status < 500;
    if (!navigator.onLine) showConnectivity('offline');
    else if (!refused && this.#failures > 1) showConnectivity('unreachable');
    if (!refused && !(error instanceof Refusal) && !isNetworkError(error)) console.error(error);
    return Math.max(WITHOUT_STREAM_MS, (error.retryAfterSeconds ?? 0) * 1000);
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
    for (const name of [...this.#names, 'gap']) {
      stream.addEventListener(name, () => this.wake(AT_MOST_EVERY_MS));
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

function isNetworkError(error) {
  return error instanceof TypeError || error.name === 'AbortError';
}
