// @ts-check
/** Link by number: ask for a code, show it while it works. */

import { countDown } from '../shared/countdown.js';
import { field, one, showOnly } from '../shared/dom.js';
import { Refusal } from '../shared/request.js';

/** @import { SignedLink } from './signed_link.js' */

const ANSWER_WITHIN_MS = 30_000;
const COPIED_FOR_MS = 2_000;
/** @type {Record<string, string>} */
const ERRORS = {
  invalid_parameter: 'number',
  invalid_fields: 'number',
  no_pairing_code: 'refused',
  pairing_refused: 'refused',
  pairing_rate_limited: 'many_whatsapp',
  pairing_not_available: 'not_available',
  number_already_linked: 'linked_here',
  other_number: 'other_number',
  no_qr_code: 'not_now',
};

/** The part of the page that links by number. */
export class Pairing {
  #link;
  #language;
  #part;
  #form;
  #number;
  #button;
  #ready = false;
  #asking = false;
  #stop = () => {};

  /**
   * @param {HTMLElement} part
   * @param {SignedLink} link
   */
  constructor(part, link) {
    this.#link = link;
    this.#language = document.documentElement.lang;
    this.#part = part;
    this.#form = one(part, 'form', HTMLFormElement);
    this.#number = field(this.#form, 'number');
    this.#button = one(this.#form, 'button', HTMLButtonElement);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ask();
    });
    this.#number.addEventListener('input', () => this.#complain(null));
    this.#find('[data-again]').addEventListener('click', () => this.#askAgain());
    this.#offerCopying();
  }

  /**
   * Let a code be asked for, or not now.
   * @param {boolean} ready
   */
  set ready(ready) {
    this.#ready = ready;
    this.#button.disabled = this.#asking || !ready;
  }

  async #ask() {
    if (this.#asking || !this.#ready) return;
    this.#complain(null);
    this.#work(true);
    try {
      const body = { phoneNumber: this.#number.value };
      const options = { method: 'POST', query: { lang: this.#language }, body, within: ANSWER_WITHIN_MS };
      this.#show(await this.#link.ask('pairing-code', options));
    } catch (error) {
      this.#complain(kindOf(error));
    } finally {
      this.#work(false);
    }
  }

  /** @param {boolean} asking */
  #work(asking) {
    this.#asking = asking;
    this.#button.disabled = asking || !this.#ready;
    showOnly(this.#button, 'label', asking ? 'getting' : 'get');
  }

  /** @param {Api.LinkPairing} pairing */
  #show({ code, expiresInSeconds }) {
    this.#find('[data-code]').textContent = code;
    this.#over(false);
    this.#form.hidden = true;
    this.#find('[data-got]').hidden = false;
    const clock = this.#find('[data-code-timer] [data-clock]');
    this.#stop = countDown(
      expiresInSeconds,
      (text) => { clock.textContent = text; },
      () => this.#over(true),
    );
  }

  #askAgain() {
    this.#stop();
    this.#form.hidden = false;
    this.#find('[data-got]').hidden = true;
    this.#number.focus();
  }

  /** @param {boolean} over */
  #over(over) {
    this.#find('[data-code]').classList.toggle('over', over);
    this.#find('[data-code-timer]').hidden = over;
    this.#find('[data-code-over]').hidden = !over;
  }

  /** @param {string | null} kind */
  #complain(kind) {
    showOnly(this.#form, 'error', kind);
    if (kind === 'number') {
      this.#number.setAttribute('aria-invalid', 'true');
      this.#number.focus();
    } else {
      this.#number.removeAttribute('aria-invalid');
    }
  }

  #offerCopying() {
    const button = this.#find('[data-copy]');
    // There is a clipboard on https and on this machine only.
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(this.#find('[data-code]').textContent ?? '');
      showOnly(button, 'label', 'copied');
      setTimeout(() => showOnly(button, 'label', 'copy'), COPIED_FOR_MS);
    });
  }

  /** @param {string} selector */
  #find(selector) {
    return one(this.#part, selector);
  }
}

/** @param {unknown} error */
function kindOf(error) {
  if (!(error instanceof Refusal)) return 'unreachable';
  if (ERRORS[error.code]) return ERRORS[error.code];
  if (error.status === 429) return 'many';
  return error.status >= 500 ? 'unreachable' : 'not_now';
}
