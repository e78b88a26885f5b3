// @ts-check
/** Add an event, or change one. */

import { api } from '../../dashboard/api.js';
import { recordPath } from '../../dashboard/paths.js';
import { byId, field, showOnly } from '../../shared/dom.js';
import { FormDialog, Wrong } from '../form_dialog.js';
import { fieldValue } from '../local_time.js';

/** @type {Record<string, string>} */
const KINDS = { event_not_found: 'gone', rate_limited: 'many' };
const HOUR_MS = 3_600_000;

/** The dialog. */
export class EventForm {
  #dialog = new FormDialog('event-form', KINDS);
  #form = this.#dialog.form;
  #name = field(this.#form, 'name');
  #starts = field(this.#form, 'starts');
  #ends = field(this.#form, 'ends');
  #capacity = field(this.#form, 'capacity');
  #location = field(this.#form, 'location');

  /**
   * Return the event that was made or changed, or null.
   * @param {Api.CustomersEvent | null} event The one to change; null to add one.
   * @returns {Promise<Api.CustomersEvent | null>}
   */
  ask(event) {
    return this.#dialog.ask(() => {
      showOnly(byId('event-form'), 'mode', event ? 'edit' : 'create');
      this.#name.value = event?.name ?? '';
      this.#starts.value = event ? fieldValue(new Date(event.startsAt)) : '';
      this.#ends.value = event ? fieldValue(new Date(event.endsAt)) : '';
      this.#capacity.value = event?.capacity ? String(event.capacity) : '';
      this.#location.value = event?.location ?? '';
      return this.#name;
    }, () => this.#send(event));
  }

  /** @param {Api.CustomersEvent | null} event */
  #send(event) {
    const name = this.#name.value.trim();
    if (!name) throw new Wrong('name', this.#name);
    if (!this.#starts.value) throw new Wrong('time', this.#starts);
    const starts = new Date(this.#starts.value);
    const ends = this.#ends.value ? new Date(this.#ends.value) : new Date(starts.getTime() + 2 * HOUR_MS);
    if (ends <= starts) throw new Wrong('end', this.#ends);
    if (!this.#capacity.validity.valid) throw new Wrong('capacity', this.#capacity);
    const body = {
      name,
      startsAt: starts.toISOString(),
      endsAt: ends.toISOString(),
      capacity: this.#capacity.value ? this.#capacity.valueAsNumber : null,
      location: this.#location.value.trim() || null,
    };
    if (event) return api(recordPath('events', event), { method: 'PATCH', body });
    return api('api/events', { method: 'POST', body });
  }
}
