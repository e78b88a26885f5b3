// @ts-check
/** Show the QR code of the moment, and for how long it is shown. */

import { countDown } from '../shared/countdown.js';
import { one } from '../shared/dom.js';

/** The part of the page that shows the QR code. */
export class Scan {
  #image;
  #wait;
  #timer;
  #stop = () => {};

  /** @param {HTMLElement} part */
  constructor(part) {
    this.#image = one(part, '[data-qr]', HTMLImageElement);
    this.#wait = one(part, '[data-qr-wait]');
    this.#timer = one(part, '[data-qr-timer]');
  }

  /**
   * Show a code, or with null that one is being prepared.
   * @param {Api.LinkCode | null} code
   */
  set code(code) {
    this.#stop();
    this.#visible(code !== null);
    if (code === null) return;
    this.#image.src = `data:image/svg+xml,${encodeURIComponent(code.svg)}`;
    const clock = one(this.#timer, '[data-clock]');
    const progress = one(this.#timer, 'progress', HTMLProgressElement);
    progress.max = Math.max(1, Math.ceil(code.expiresInSeconds));
    this.#stop = countDown(
      code.expiresInSeconds,
      (text, left) => {
        clock.textContent = text;
        progress.value = left;
      },
      () => this.#visible(false),
    );
  }

  /** @param {boolean} visible */
  #visible(visible) {
    this.#image.hidden = !visible;
    this.#timer.hidden = !visible;
    this.#wait.hidden = visible;
  }
}
