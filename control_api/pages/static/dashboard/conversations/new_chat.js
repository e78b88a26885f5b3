// @ts-check
/** Begin a conversation with a number that is not in the list. */

import { field, one, showOnly } from '../../shared/dom.js';
import { closable } from '../dialog.js';

const NUMBER = /^\+?[\d\s().-]{7,25}$/;

/** The dialog that asks for a number. */
export class NewChat {
  #dialog = closable('new-chat');
  #form = one(this.#dialog, 'form', HTMLFormElement);
  #to = field(this.#form, 'to');

  /**
   * @param {(text: string) => string} typed What was typed, as the API takes it.
   * @param {(chat: string) => void} go
   */
  constructor(typed, go) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const to = typed(this.#to.value);
      if (!NUMBER.test(to)) {
        showOnly(this.#form, 'error', 'number');
        this.#to.focus();
        return;
      }
      this.#dialog.close();
      go(`${to.replace(/\D/g, '').replace(/^00/, '')}@c.us`);
    });
  }

  ask() {
    this.#form.reset();
    showOnly(this.#form, 'error', null);
    this.#dialog.showModal();
  }
}
