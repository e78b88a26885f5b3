/** Ask again before something is lost; to delete, the name is typed. */

import { showOnly } from '../../shared/dom.js';
import { closable, kindOf, working } from '../dialog.js';

/** A dialog that says what is lost. */
export class ConfirmDialog {
  static KINDS = { wrong_state: 'wrong_state', connection_not_found: 'gone' };

  #dialog;
  #form;
  #button;
  #connection;
  #send;

  constructor(id) {
    this.#dialog = closable(document.getElementById(id));
    this.#form = this.#dialog.querySelector('form');
    this.#button = this.#form.querySelector('[type=submit]');
    this.#form.typed?.addEventListener('input', () => this.#allow());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#button.disabled) this.#confirmed();
    });
  }

  /** Return whether it was confirmed and `send()` has gone well. */
  ask(connection, send) {
    this.#connection = connection;
    this.#send = send;
    for (const place of this.#dialog.querySelectorAll('[data-name]')) {
      place.textContent = connection.name;
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
    const { typed } = this.#form;
    if (typed) this.#button.disabled = typed.value.trim() !== this.#connection.name;
  }

  async #confirmed() {
    showOnly(this.#form, 'error', null);
    try {
      await working(this.#button, this.#send);
      this.#dialog.close('done');
    } catch (error) {
      showOnly(this.#form, 'error', kindOf(error, ConfirmDialog.KINDS));
    }
  }
}
