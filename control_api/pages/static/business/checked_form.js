// @ts-check
/** A form that sends when it is submitted, and says what is wrong. */

import { kindOf, working } from '../dashboard/dialog.js';
import { one, showOnly } from '../shared/dom.js';

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

/** The form. */
export class CheckedForm {
  #kinds;

  /**
   * @param {HTMLFormElement} element
   * @param {Record<string, string>} kinds Of errors, by code, for which the form has a text.
   * @param {() => Promise<unknown>} send May throw `Wrong`.
   */
  constructor(element, kinds, send) {
    this.element = element;
    this.#kinds = kinds;
    element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.run(one(element, '[type=submit]:not([hidden])', HTMLButtonElement), send);
    });
  }

  /** Empty the form. */
  reset() {
    this.element.reset();
    this.#complain(null);
  }

  /**
   * Do something for a button, and say in the form what went wrong.
   * @param {HTMLButtonElement} button
   * @param {() => Promise<unknown>} act
   */
  async run(button, act) {
    if (button.disabled) return;
    this.#complain(null);
    try {
      await working(button, act);
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
    showOnly(this.element, 'error', kind);
    for (const each of this.element.querySelectorAll('[aria-invalid]')) each.removeAttribute('aria-invalid');
    field?.setAttribute('aria-invalid', 'true');
    field?.focus();
    // A form may be taller than its window.
    if (kind) one(this.element, '.errors').scrollIntoView({ block: 'nearest' });
  }
}
