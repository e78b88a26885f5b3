// @ts-check
/** Add a customer, or change what is known of one. */

import { api } from '../../dashboard/api.js';
import { recordPath } from '../../dashboard/paths.js';
import { typedRecipient } from '../../dashboard/recipient.js';
import { byId, field, one, showOnly } from '../../shared/dom.js';
import { FormDialog, Wrong } from '../form_dialog.js';

/** @type {Record<string, string>} */
const KINDS = { already_exists: 'exists', customer_not_found: 'gone', invalid_fields: 'number', rate_limited: 'many' };
const PURPOSES = /** @type {const} */ (['reminder', 'service', 'marketing']);

/** The dialog. */
export class CustomerForm {
  #dialog = new FormDialog('customer-form', KINDS);
  #form = this.#dialog.form;
  #callingCode = this.#form.dataset.callingCode;
  #name = field(this.#form, 'name');
  #phone = field(this.#form, 'phone');
  #language = field(this.#form, 'language', HTMLSelectElement);
  #tags = field(this.#form, 'tags');
  #notes = field(this.#form, 'notes', HTMLTextAreaElement);

  /**
   * Return the customer that was made or changed, or null.
   * @param {Api.Customer | null} customer The one to change; null to add one.
   * @returns {Promise<Api.Customer | null>}
   */
  ask(customer) {
    return this.#dialog.ask(() => {
      showOnly(byId('customer-form'), 'mode', customer ? 'edit' : 'create');
      this.#language.value = customer?.language ?? document.documentElement.lang;
      this.#name.value = customer?.name ?? '';
      this.#phone.value = customer?.phone ?? '';
      this.#tags.value = customer?.tags.join(', ') ?? '';
      this.#notes.value = customer?.notes ?? '';
      for (const purpose of PURPOSES) this.#showConsent(purpose, customer?.consents[purpose]?.state ?? 'unknown');
      return this.#name;
    }, () => this.#send(customer));
  }

  /**
   * What was answered can be changed, and not be taken back: the choice of no answer goes.
   * @param {string} purpose
   * @param {string} state
   */
  #showConsent(purpose, state) {
    const select = field(this.#form, purpose, HTMLSelectElement);
    one(select, '[value=unknown]').hidden = state !== 'unknown';
    select.value = state;
  }

  /** @param {Api.Customer | null} customer */
  #send(customer) {
    const phone = typedRecipient(this.#phone.value, this.#callingCode);
    if (!phone) throw new Wrong('number', this.#phone);
    const body = {
      phone,
      name: this.#name.value.trim() || null,
      language: this.#language.value,
      tags: this.#tags.value.split(',').map((each) => each.trim()).filter(Boolean),
      notes: this.#notes.value,
      consents: this.#consents(customer),
    };
    if (customer) return api(recordPath('customers', customer), { method: 'PATCH', body });
    return api('api/customers', { method: 'POST', body });
  }

  /** @param {Api.Customer | null} customer */
  #consents(customer) {
    const chosen = PURPOSES.map((purpose) => [purpose, field(this.#form, purpose, HTMLSelectElement).value]);
    const before = (/** @type {string} */ purpose) => customer?.consents[/** @type {'service'} */ (purpose)]?.state ?? 'unknown';
    return Object.fromEntries(chosen.filter(([purpose, state]) => state !== 'unknown' && state !== before(purpose)));
  }
}
