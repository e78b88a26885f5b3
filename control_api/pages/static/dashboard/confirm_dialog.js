// @ts-check
/** Ask again before something is lost; to delete, the name is typed. */

import { one, showOnly } from '../shared/dom.js';
import { closable, kindOf, working } from './dialog.js';

/** A dialog that says what is lost. */
export class ConfirmDialog {
  #dialog;
  #kinds;
  #form;
  #button;
  #typed;
  #name = '';
  #send = async () => {};

  /**
   * @param {string} id
   * @param {Record<string, string>} kinds Of errors, by code, for which the dialog has a text.
   */
  constructor(id, kinds) {
    this.#dialog = closable(id);
    this.#kinds = kinds;
    this.#form = one(this.#dialog, 'form', HTMLFormElement);
    this.#button = one(this.#form, '[type=submit]', HTMLButtonElement);
    const typed = this.#form.elements.namedItem('typed');
    this.#typed = typed instanceof HTMLInputElement ? typed : null;
    this.#typed?.addEventListener('input', () => this.#allow());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#button.disabled) this.#confirmed();
    });
  }

  /**
   * Return whether it was confirmed and `send()` has gone well.
   * @param {{ name: string }} subject
   * @param {() => Promise<void>} send
   * @returns {Promise<boolean>}
   */
  ask({ name }, send) {
    this.#name = name;
    this.#send = send;
    for (const place of this.#dialog.querySelectorAll('[data-name]')) {
      place.textContent = name;
    }
    this.#form.reset();
    showOnly(this.#form, 'error', null);
    this.#allow();
    this.#dialog.returnValue = '';
    this.#dialog.showModal();
    return new Promise((resolve) => {
      const closed = () => resolve(this.#dialog.returnValue === 'done');
      this.#dialog.addEventListener('close', closed, { once: true });
    });
  }

  #allow() {
    if (this.#typed) this.#button.disabled = this.#typed.value.trim() !== this.#name;
  }

  async #confirmed() {
    showOnly(this.#form, 'error', null);
    try {
      await working(this.#button, this.#send);
      this.#dialog.close('done');
    } catch (error) {
      showOnly(this.#form, 'error', kindOf(error, this.#kinds));
    }
  }
}
