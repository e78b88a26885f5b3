/** Show the QR code of the moment, and for how long it is shown. */

import { countDown } from '../shared/countdown.js';

/** The part of the page that shows the QR code. */
export class Scan {
  #image;
  #wait;
  #timer;
  #stop = () => {};

  constructor(part) {
    this.#image = part.querySelector('[data-qr]');
    this.#wait = part.querySelector('[data-qr-wait]');
    this.#timer = part.querySelector('[data-qr-timer]');
  }

  /** Show a code, or with null that one is being prepared. */
  set code(code) {
    this.#stop();
    this.#visible(code !== null);
    if (code === null) return;
    this.#image.src = `data:image/svg+xml,${encodeURIComponent(code.svg)}`;
    const clock = this.#timer.querySelector('[data-clock]');
    const progress = this.#timer.querySelector('progress');
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

  #visible(visible) {
    this.#image.hidden = !visible;
    this.#timer.hidden = !visible;
    this.#wait.hidden = visible;
  }
}
