// @ts-check
/** A dialog with a form: it asks, sends, says what is wrong, and gives back what came of it. */

import { closable } from '../dashboard/dialog.js';
import { one } from '../shared/dom.js';
import { CheckedForm } from './checked_form.js';

export { Wrong } from './checked_form.js';

/** The dialog. */
export class FormDialog {
  #dialog;
  #checked;
  /** @type {() => Promise<any>} */
  #send = async () => null;
  /** @type {any} */
  #result = null;

  /**
   * @param {string} id
   * @param {Record<string, string>} kinds Of errors, by code, for which the form has a text.
   */
  constructor(id, kinds) {
    this.#dialog = closable(id);
    this.#checked = new CheckedForm(one(this.#dialog, 'form', HTMLFormElement), kinds, async () => {
      this.#result = await this.#send();
      this.#dialog.close();
    });
  }

  get form() {
    return this.#checked.element;
  }

  /**
   * Return what `send()` returned, or null if the dialog was closed before. `fill()` fills the
   * empty form in, and may return the field to begin with; `send()` may throw `Wrong`.
   * @template T
   * @param {() => HTMLElement | void} fill
   * @param {() => Promise<T>} send
   * @returns {Promise<T | null>}
   */
  ask(fill, send) {
    this.#send = send;
    this.#result = null;
    this.#checked.reset();
    const first = fill();
    this.#dialog.showModal();
    first?.focus();
    return new Promise((resolve) => {
      this.#dialog.addEventListener('close', () => resolve(this.#result), { once: true });
    });
  }
}
