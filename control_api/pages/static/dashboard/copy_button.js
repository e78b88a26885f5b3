// @ts-check
/** A button that copies what a field shows, and says that it did. */

import { showOnly } from '../shared/dom.js';

/** The button and its field. */
export class CopyButton {
  #button;
  #field;

  /**
   * @param {HTMLButtonElement} button
   * @param {HTMLInputElement} field
   */
  constructor(button, field) {
    this.#button = button;
    this.#field = field;
    this.#field.addEventListener('focus', () => this.#field.select());
    this.#button.addEventListener('click', () => this.#copy());
  }

  /**
   * Show what can be copied; nothing for an empty text.
   * @param {string} text
   */
  show(text) {
    this.#field.value = text;
    this.#button.disabled = !text;
    showOnly(this.#button, 'label', 'copy');
  }

  /** Move the focus to the button. */
  focus() {
    this.#button.focus();
  }

  async #copy() {
    if (navigator.clipboard) await navigator.clipboard.writeText(this.#field.value);
    else {
      // There is a clipboard on https and on this machine only.
      this.#field.select();
      document.execCommand('copy');
    }
    showOnly(this.#button, 'label', 'copied');
  }
}
