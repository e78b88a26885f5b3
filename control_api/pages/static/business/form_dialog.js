// @ts-check
/** A dialog with a form: it asks, sends, says what is wrong, and gives back what came of it. */

import { one, showOnly } from '../shared/dom.js';
import { closable, kindOf, working } from '../dashboard/dialog.js';

/** What is wrong with what was typed: a kind of error that the form has a text for, and where. */
export class Wrong extends Error {
  /**
   * @param {string} kind
   * @param {HTMLElement | null} [field]
   */
  constructor(kind, field = null) {
    super(kind);
    this.kind = kind;
    this.field = field;
  }
}

/** The dialog. */
export class FormDialog {
  #dialog;
  #kinds;
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
    this.#kinds = kinds;
    this.form = one(this.#dialog, 'form', HTMLFormElement);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
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
    this.form.reset();
    this.#complain(null);
    const first = fill();
    this.#dialog.showModal();
    first?.focus();
    return new Promise((resolve) => {
      this.#dialog.addEventListener('close', () => resolve(this.#result), { once: true });
    });
  }

  async #submit() {
    const button = one(this.form, '[type=submit]:not([hidden])', HTMLButtonElement);
    if (button.disabled) return;
    this.#complain(null);
    try {
      this.#result = await working(button, this.#send);
      this.#dialog.close();
    } catch (error) {
      if (error instanceof Wrong) this.#complain(error.kind, error.field);
      else this.#complain(kindOf(error, this.#kinds));
    }
  }

  /**
   * @param {string | null} kind
   * @param {HTMLElement | null} [field]
   */
  #complain(kind, field = null) {
    showOnly(this.form, 'error', kind);
    for (const each of this.form.querySelectorAll('[aria-invalid]')) each.removeAttribute('aria-invalid');
    field?.setAttribute('aria-invalid', 'true');
    field?.focus();
    if (kind) one(this.form, '.errors').scrollIntoView({ block: 'nearest' });
  }
}
