// @ts-check
/** Book an appointment: a number and a time are enough, the rest is as it was the last time. */

import { api } from '../../dashboard/api.js';
import { randomKey } from '../../dashboard/random_key.js';
import { field, one } from '../../shared/dom.js';
import { FormDialog, Wrong } from '../form_dialog.js';
import { fieldValue } from '../local_time.js';
import { PersonFields } from '../people/person_fields.js';

/** @type {Record<string, string>} */
const KINDS = {
  invalid_fields: 'number',
  customer_not_found: 'gone',
  connection_not_found: 'connection',
  rate_limited: 'many',
};
const MINUTE_MS = 60_000;
const USUAL_MINUTES = 60;

/** The dialog. */
export class BookingDialog {
  #dialog = new FormDialog('booking', KINDS);
  #form = this.#dialog.form;
  #at = field(this.#form, 'at');
  #service = field(this.#form, 'service');
  #minutes = field(this.#form, 'minutes');
  #connection = field(this.#form, 'connection', HTMLSelectElement);
  #owner;
  #person;
  /** The same for each try of one appointment, so that a lost answer does not double it. */
  #key = '';

  /** @param {string} owner Whose appointments they are. */
  constructor(owner) {
    this.#owner = owner;
    this.#person = new PersonFields(this.#form, owner);
    this.#form.addEventListener('input', () => { this.#key = ''; });
  }

  /**
   * Return the appointment that was booked, or null.
   * @param {object} asked
   * @param {Date} asked.at The time that is offered.
   * @param {Api.Appointment | null} asked.like One to take the service, length and connection from.
   * @param {Api.Customer | null} [asked.customer] Who it is for, if that is known.
   * @returns {Promise<Api.Appointment | null>}
   */
  async ask({ at, like, customer = null }) {
    const connections = await this.#connections();
    return this.#dialog.ask(() => {
      this.#key = '';
      this.#person.open(customer);
      this.#at.value = fieldValue(at);
      // Without one that is like it, the field keeps what the page offers.
      if (like) this.#service.value = like.service;
      this.#minutes.value = String(like ? minutesOf(like) : USUAL_MINUTES);
      this.#offer(connections, like?.connectionId ?? '');
      return customer ? this.#at : field(this.#form, 'to', HTMLInputElement);
    }, () => this.#send());
  }

  async #connections() {
    /** @type {Api.ConnectionList} */
    const { items } = await api('api/whatsapp/connections');
    return items.filter(({ owner }) => owner === this.#owner);
  }

  /**
   * @param {Api.Connection[]} connections
   * @param {string} usual
   */
  #offer(connections, usual) {
    this.#connection.replaceChildren(...connections.map((each) => new Option(each.name, each.connectionId)));
    const first = connections.find(({ state }) => state === 'connected') ?? connections[0];
    const known = connections.some(({ connectionId }) => connectionId === usual);
    this.#connection.value = known ? usual : first?.connectionId ?? '';
    one(this.#form, '[data-connections]').hidden = connections.length < 2;
  }

  async #send() {
    const minutes = this.#minutes.valueAsNumber;
    const service = this.#service.value.trim();
    if (!this.#at.value) throw new Wrong('time', this.#at);
    if (!this.#connection.value) throw new Wrong('connection');
    this.#checkDetails(service, minutes);
    const customer = await this.#person.customer();
    const starts = new Date(this.#at.value);
    const ends = new Date(starts.getTime() + minutes * MINUTE_MS);
    const body = {
      customer, service, connectionId: this.#connection.value, startsAt: starts.toISOString(), endsAt: ends.toISOString(),
    };
    this.#key ||= randomKey();
    const headers = { 'Idempotency-Key': this.#key };
    return api(`api/appointments?${new URLSearchParams({ owner: this.#owner })}`, { method: 'POST', body, headers });
  }

  /**
   * @param {string} service
   * @param {number} minutes
   */
  #checkDetails(service, minutes) {
    const wrong = !service ? this.#service : minutes > 0 ? null : this.#minutes;
    if (!wrong) return;
    one(this.#form, 'details', HTMLDetailsElement).open = true;
    throw new Wrong(wrong === this.#service ? 'service' : 'minutes', wrong);
  }
}

/** @param {Api.Appointment} appointment */
function minutesOf({ startsAt, endsAt }) {
  return Math.round((Date.parse(endsAt) - Date.parse(startsAt)) / MINUTE_MS);
}
