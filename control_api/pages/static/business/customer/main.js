// @ts-check
/** The view of a customer: the conversation, the appointments, and what they agreed to. */

import { ROOT, api } from '../../dashboard/api.js';
import { ConfirmDialog } from '../../dashboard/confirm_dialog.js';
import { keepTrue } from '../../dashboard/live.js';
import { recordPath } from '../../dashboard/paths.js';
import { readableRecipient } from '../../dashboard/recipient.js';
import { t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, closest, one, setText, showOnly } from '../../shared/dom.js';
import { Refusal } from '../../shared/request.js';
import { AppointmentActs } from '../appointments/acts.js';
import { BookingDialog } from '../appointments/booking_dialog.js';
import { appointmentItem, seenOf } from '../appointments/item.js';
import { showRecords } from '../keyed_list.js';
import { dayKey, nextFreeTime } from '../local_time.js';
import { CustomerForm } from '../people/customer_form.js';
import { pagesOf } from '../record_list.js';
import { Consents } from './consents.js';
import { Conversation } from './conversation.js';

const MOST_PAGES = 10;

class CustomerView {
  #root = byId('customer');
  #path = recordPath('customers', { id: location.pathname.split('/').at(-1) ?? '' });
  #list = one(this.#root, '[data-appointments]');
  #conversation = new Conversation(one(this.#root, '[data-conversation]'), () => this.#refreshNow());
  #consents = new Consents(one(this.#root, '[data-consents]'));
  #acts = new AppointmentActs(() => this.#refreshNow());
  #form = new CustomerForm();
  #erase = new ConfirmDialog('erase', { customer_not_found: 'gone' });
  /** @type {BookingDialog | null} */
  #booking = null;
  /** @type {Api.Customer | null} */
  #customer = null;
  /** @type {Api.Appointment[]} Oldest first. */
  #appointments = [];
  #refreshNow = keepTrue(() => this.#refresh(), {
    'message.status': (data) => this.#conversation.apply(data),
    ...Object.fromEntries(['received', 'edited', 'revoked', 'reaction'].map((each) => [`message.${each}`, () => false])),
  });

  constructor() {
    this.#root.addEventListener('click', (event) => {
      if (closest(event, '[data-book]')) this.#book();
      if (closest(event, '[data-edit]')) this.#edit();
      if (closest(event, '[data-erase]')) this.#eraseAll();
      const button = closest(event, '[data-act]');
      const appointment = this.#appointments.find(({ id }) => id === closest(event, '[data-id]')?.dataset.id);
      if (button instanceof HTMLButtonElement && appointment) this.#acts.act(button, appointment);
    });
  }

  async #refresh() {
    try {
      /** @type {Api.Customer} */
      const customer = await api(this.#path);
      this.#customer = customer;
      this.#showHead(customer);
      await this.#showRest(customer);
    } catch (error) {
      const gone = error instanceof Refusal && error.status === 404;
      if (gone) showOnly(this.#root, 'when', 'gone');
      else if (!this.#customer) showOnly(this.#root, 'when', 'error');
      if (!gone) throw error;
    }
  }

  /** @param {Api.Customer} customer */
  async #showRest(customer) {
    const which = new URLSearchParams({ customer: customer.id });
    const [[appointments], { items: rules }, { items: answers }, { items: connections }] = await Promise.all([
      pagesOf(`api/appointments?${which}`, MOST_PAGES), api('api/automations?limit=200'),
      api(`${this.#path}/consents`), api('api/whatsapp/connections'),
    ]);
    this.#appointments = appointments;
    this.#showAppointments(rules);
    this.#consents.show(customer, answers);
    showOnly(this.#root, 'when', 'shown');
    const own = connections.filter((/** @type {Api.Connection} */ { owner }) => owner === customer.owner);
    await this.#conversation.refresh(customer, own, this.#appointments.at(-1)?.connectionId);
  }

  /** @param {Api.Customer} customer */
  #showHead({ name, phone, tags, notes, language }) {
    const number = readableRecipient(`${phone.slice(1)}@c.us`);
    setText(one(this.#root, 'h1 bdi'), name || number);
    document.title = `${name || number} · ChatGrow`;
    setText(one(this.#root, '[data-phone]'), number);
    setText(one(this.#root, '[data-language]'), t(`business.customer.language.${language}`));
    setText(one(this.#root, '[data-notes]'), notes);
    one(this.#root, '[data-tags]').replaceChildren(...tags.map((tag) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.className = 'tag';
      link.href = `${ROOT}provider/customers?${new URLSearchParams({ tag })}`;
      link.textContent = tag;
      item.append(link);
      return item;
    }));
  }

  /** @param {Api.Automation[]} rules */
  #showAppointments(rules) {
    const names = new Map(rules.map(({ id, name }) => [id, name]));
    const nameOf = (/** @type {string} */ id) => names.get(id) ?? t('business.appointment.message');
    const newestFirst = this.#appointments.toReversed();
    showRecords(this.#list, newestFirst, (each) => appointmentItem(each, { nameOf, withDay: true }), (each) => [
      seenOf(each), each.messages.map(({ automation }) => nameOf(automation)),
    ]);
    one(this.#root, '[data-no-appointments]').hidden = newestFirst.length > 0;
  }

  async #book() {
    const customer = this.#customer;
    if (!customer) return;
    this.#booking ??= new BookingDialog(customer.owner);
    try {
      const like = this.#appointments.at(-1) ?? null;
      const booked = await this.#booking.ask({ at: nextFreeTime(dayKey(new Date())), like, customer });
      if (booked) toast(t('business.appointment.done.book', { name: `\u2068${customer.name || customer.phone}\u2069` }));
    } catch {
      toast(t('business.common.error.unreachable'));
    }
    this.#refreshNow();
  }

  async #edit() {
    if (await this.#form.ask(this.#customer)) toast(t('business.customer.done.edit'));
    this.#refreshNow();
  }

  async #eraseAll() {
    const name = this.#customer?.name || this.#customer?.phone || '';
    const send = () => api(this.#path, { method: 'DELETE' });
    if (await this.#erase.ask({ name }, send)) location.assign(`${ROOT}provider/customers`);
  }
}

new CustomerView();
