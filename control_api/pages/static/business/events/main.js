// @ts-check
/** The view of events: what is on, who comes, and who waits for a place. */

import { api } from '../../dashboard/api.js';
import { ConfirmDialog } from '../../dashboard/confirm_dialog.js';
import { keepTrue } from '../../dashboard/live.js';
import { recordPath } from '../../dashboard/paths.js';
import { clockTime, dayOf, number, t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, closest, copyOf, one, setText } from '../../shared/dom.js';
import { RecordList } from '../record_list.js';
import { EventForm } from './event_form.js';
import { RegistrationsDialog } from './registrations_dialog.js';

const ITEM = byId('record', HTMLTemplateElement);

class EventsView {
  #root = byId('events');
  /** @type {RecordList<Api.CustomersEvent>} */
  #list = new RecordList(this.#root, { path: () => 'api/events', item });
  #form = new EventForm();
  #cancel = new ConfirmDialog('cancel-event', { event_not_found: 'gone' });
  #registrations = new RegistrationsDialog(this.#root.dataset.me ?? '', () => this.#refreshNow());
  #refreshNow = keepTrue(() => this.#refresh(), {});

  constructor() {
    this.#root.addEventListener('click', (event) => {
      if (closest(event, '[data-create]')) this.#edit(null);
      const act = closest(event, '[data-act]')?.dataset.act;
      const found = this.#list.find(closest(event, '[data-id]')?.dataset.id);
      if (act && found) this.#act(act, found);
    });
    this.#list.further.addEventListener('click', () => {
      this.#list.extend();
      this.#refreshNow();
    });
  }

  async #refresh() {
    await this.#list.refresh();
    await this.#registrations.refresh();
  }

  /**
   * @param {string} act
   * @param {Api.CustomersEvent} event
   */
  #act(act, event) {
    if (act === 'registrations') this.#registrations.open(event);
    if (act === 'edit') this.#edit(event);
    if (act === 'cancel') this.#cancelOne(event);
  }

  /** @param {Api.CustomersEvent | null} event */
  async #edit(event) {
    if (await this.#form.ask(event)) toast(t(`business.events.done.${event ? 'edit' : 'create'}`));
    this.#refreshNow();
  }

  /** @param {Api.CustomersEvent} event */
  async #cancelOne(event) {
    const send = () => api(recordPath('events', event), { method: 'DELETE' });
    if (await this.#cancel.ask({ name: event.name }, send)) toast(t('business.events.done.cancel'));
    this.#refreshNow();
  }
}

/** @param {Api.CustomersEvent} event */
function item({ name, startsAt, location: place, capacity, registered }) {
  const element = copyOf(ITEM);
  const starts = new Date(startsAt);
  setText(one(element, '[data-name]'), name);
  const time = one(element, 'time', HTMLTimeElement);
  time.dateTime = startsAt;
  setText(time, `${dayOf(starts)}, ${clockTime(starts)}`);
  one(element, '[data-at]').hidden = !place;
  setText(one(element, '[data-place]'), place ?? '');
  const places = { registered: number(registered), capacity: number(capacity ?? 0) };
  setText(one(element, '[data-places]'), t(`business.events.${capacity ? 'places' : 'registered'}`, places));
  element.toggleAttribute('data-full', Boolean(capacity) && registered >= (capacity ?? 0));
  for (const each of element.querySelectorAll('[data-names]')) {
    each.setAttribute('aria-label', `${each.textContent?.trim()}: \u2068${name}\u2069`);
  }
  setText(one(element, '[data-menu-label]'), t('business.events.more', { name: `\u2068${name}\u2069` }));
  return element;
}

new EventsView();
