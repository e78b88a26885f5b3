// @ts-check
/** The fields of a form that ask who it is about: a number, and a name if nobody has the number. */

import { typedRecipient } from '../../dashboard/recipient.js';
import { t } from '../../dashboard/texts.js';
import { field, one, setText, showOnly } from '../../shared/dom.js';
import { Wrong } from '../checked_form.js';
import { customerFor, customerWith } from './by_number.js';

const LOOK_AFTER_MS = 300;
const NUMBER = /^\+?[\d\s().-]{7,25}$/;

/** The fields that the template `person_fields` makes. */
export class PersonFields {
  #root;
  #to;
  #name;
  #owner;
  #timer = 0;
  /** @type {Api.Customer | null} */
  #known = null;

  /**
   * @param {HTMLFormElement} form
   * @param {string} owner Whose customers they are.
   */
  constructor(form, owner) {
    this.#root = one(form, '[data-person]');
    this.#to = field(form, 'to');
    this.#name = field(form, 'name');
    this.#owner = owner;
    this.#to.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), LOOK_AFTER_MS);
    });
  }

  /**
   * Begin anew, or with somebody who is known.
   * @param {Api.Customer | null} [customer]
   */
  open(customer = null) {
    this.#to.value = customer?.phone ?? '';
    this.#to.readOnly = Boolean(customer);
    this.#show(customer, false);
  }

  /**
   * Return the id of the customer, who is made if need be. Throws `Wrong`, and Refusal.
   * @returns {Promise<string>}
   */
  async customer() {
    const number = this.#typed();
    if (!NUMBER.test(number)) throw new Wrong('number', this.#to);
    if (this.#to.readOnly && this.#known) return this.#known.id;
    return customerFor(number, this.#name.value.trim(), this.#owner);
  }

  #typed() {
    const { callingCode } = this.#root.dataset;
    return typedRecipient(this.#to.value, callingCode);
  }

  async #look() {
    const number = this.#typed();
    const known = await customerWith(number, this.#owner).catch(() => null);
    if (number === this.#typed()) this.#show(known, NUMBER.test(number));
  }

  /**
   * @param {Api.Customer | null} known
   * @param {boolean} isNew
   */
  #show(known, isNew) {
    this.#known = known;
    showOnly(this.#root, 'who', known ? 'known' : isNew ? 'new' : null);
    const name = known ? `\u2068${known.name || known.phone}\u2069` : '';
    setText(one(this.#root, '[data-known]'), known ? t('business.common.known', { name }) : '');
    one(this.#root, '[data-new-name]').hidden = !isNew || Boolean(known);
  }
}
