// @ts-check
/** Who comes to an event, who waits for a place, and one more. */

import { ROOT, api } from '../../dashboard/api.js';
import { closable } from '../../dashboard/dialog.js';
import { recordPath } from '../../dashboard/paths.js';
import { readableRecipient } from '../../dashboard/recipient.js';
import { t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, closest, copyOf, one, setText, showOnly } from '../../shared/dom.js';
import { CheckedForm } from '../checked_form.js';
import { showRecords } from '../keyed_list.js';
import { PersonFields } from '../people/person_fields.js';
import { pagesOf } from '../record_list.js';

/** @type {Record<string, string>} */
const KINDS = {
  already_exists: 'registered', event_not_found: 'gone', registration_not_found: 'gone', invalid_fields: 'number', rate_limited: 'many',
};
const MOST_PAGES = 40;
const ITEM = byId('registration', HTMLTemplateElement);

/** The dialog; `changed()` is called after each change. */
export class RegistrationsDialog {
  #dialog = closable('registrations');
  #form = new CheckedForm(one(this.#dialog, 'form', HTMLFormElement), KINDS, () => this.#add());
  #list = one(this.#dialog, '[data-registrations]');
  #changed;
  #person;
  /** @type {Api.CustomersEvent | null} */
  #event = null;

  /**
   * @param {string} owner
   * @param {() => void} changed
   */
  constructor(owner, changed) {
    this.#person = new PersonFields(this.#form.element, owner);
    this.#changed = changed;
    this.#list.addEventListener('click', (event) => {
      const button = closest(event, '[data-act=remove]');
      const id = closest(event, '[data-id]')?.dataset.id;
      if (button instanceof HTMLButtonElement && id) this.#form.run(button, () => this.#remove(id));
    });
  }

  /** @param {Api.CustomersEvent} event */
  open(event) {
    this.#event = event;
    this.#list.replaceChildren();
    this.#shows('loading');
    setText(one(this.#dialog, '[data-event]'), event.name);
    this.#begin();
    this.#dialog.showModal();
    this.refresh().catch(() => this.#shows('error'));
  }

  /** Ask anew for what is shown, if it is open. */
  async refresh() {
    const event = this.#event;
    if (!event || !this.#dialog.open) return;
    /** @type {[Api.Registration[], unknown]} */
    const [found] = await pagesOf(`${recordPath('events', event)}/registrations`, MOST_PAGES);
    if (event !== this.#event) return;
    const stand = found.filter(({ status }) => status !== 'cancelled').reverse();
    showRecords(this.#list, stand, item);
    this.#shows(stand.length ? 'list' : 'empty');
  }

  #begin() {
    this.#form.reset();
    this.#person.open();
  }

  async #add() {
    const event = this.#event;
    if (!event) return;
    const customer = await this.#person.customer();
    const path = `${recordPath('events', event)}/registrations`;
    /** @type {Api.Registration} */
    const made = await api(path, { method: 'POST', body: { customer } });
    toast(t(`business.events.done.${made.status === 'registered' ? 'registered' : 'waiting'}`));
    this.#begin();
    this.#changed();
  }

  /** @param {string} id */
  async #remove(id) {
    if (!this.#event) return;
    const path = `${recordPath('events', this.#event)}/registrations/${encodeURIComponent(id)}`;
    await api(path, { method: 'DELETE' });
    toast(t('business.events.done.unregistered'));
    one(this.#form.element, 'input').focus();
    this.#changed();
  }

  /** @param {string} what */
  #shows(what) {
    showOnly(this.#dialog, 'registrations-when', what);
  }
}

/** @param {Api.Registration} registration */
function item({ customer, customerName, customerPhone, status }) {
  const element = copyOf(ITEM);
  const number = customerPhone ? readableRecipient(`${customerPhone.slice(1)}@c.us`) : '';
  const name = customerName ?? (number || t('business.appointment.erased'));
  const link = one(element, 'a', HTMLAnchorElement);
  if (customerPhone) link.href = `${ROOT}provider/customers/${encodeURIComponent(customer)}`;
  setText(one(link, 'bdi'), name);
  setText(one(element, '[data-phone]'), customerName ? number : '');
  element.dataset.state = status;
  setText(one(element, '[data-word]'), t(`business.events.status.${status}`));
  const remove = one(element, '[data-act=remove]');
  remove.setAttribute('aria-label', t('business.events.unregister_label', { name: `\u2068${name}\u2069` }));
  return element;
}
