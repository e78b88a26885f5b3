// @ts-check
/** The view of subscribers: who is on which list, who confirmed, and who opted out. */

import { api } from '../../dashboard/api.js';
import { ConfirmDialog } from '../../dashboard/confirm_dialog.js';
import { keepTrue } from '../../dashboard/live.js';
import { readableRecipient, typedRecipient } from '../../dashboard/recipient.js';
import { momentTime, t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, copyOf, field, one, setText } from '../../shared/dom.js';
import { FormDialog, Wrong } from '../form_dialog.js';
import { fillForm, fillSelect, valuesOf } from '../form_values.js';
import { ImportDialog } from '../import_dialog.js';
import { KINDS, ME, allConnections, connectionChoices, doing, onActs, post, withQuery } from '../records.js';
import { RecordList } from '../record_list.js';

const ROW = byId('subscriber', HTMLTemplateElement);
const AFTER_TYPING_MS = 300;
const NUMBER = /^\+?[\d\s().-]{7,25}$/;

class SubscribersView {
  #root = byId('subscribers');
  #filter = one(this.#root, '[data-filter]', HTMLFormElement);
  /** @type {RecordList<Api.Subscriber>} */
  #list = new RecordList(this.#root, {
    path: () => withQuery('api/subscribers', valuesOf(this.#filter)),
    isNarrowed: () => Object.values(valuesOf(this.#filter)).some(Boolean),
    item: row,
  });
  #add = new FormDialog('add-subscriber', KINDS);
  #import = new ImportDialog('api/subscribers/import', () => this.#lookAgain());
  #remove = new ConfirmDialog('remove-subscriber', KINDS);
  /** @type {number | undefined} */
  #timer;
  #lookAgain;

  constructor() {
    const moved = { 'subscriber.subscribed': () => false, 'subscriber.unsubscribed': () => false };
    this.#lookAgain = keepTrue(() => this.#refresh(), moved);
    onActs(this.#root, this.#list, { create: () => this.#addOne(), import: () => this.#import.open() }, {
      off: ({ id }, button) => doing(button, () => api(`api/subscribers/${id}`, { method: 'PATCH', body: { status: 'unsubscribed' } }), 'business.subscribers.done.off'),
      remove: (subscriber) => this.#removeOne(subscriber),
    }, this.#lookAgain);
    this.#filter.addEventListener('submit', (event) => event.preventDefault());
    this.#filter.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#lookAgain, AFTER_TYPING_MS);
    });
    const { form } = this.#add;
    form.addEventListener('change', () => { one(form, '[data-asks-by]').hidden = !field(form, 'asks').checked; });
  }

  async #refresh() {
    const [{ items }, connections] = await Promise.all([api('api/subscribers/lists'), allConnections(), this.#list.refresh()]);
    this.#showLists(items);
    fillSelect(field(this.#add.form, 'connectionId', HTMLSelectElement), connectionChoices(connections, ME));
  }

  /** @param {Api.SubscribedList[]} lists */
  #showLists(lists) {
    const names = lists.map(({ list }) => ({ value: list, text: list }));
    fillSelect(field(this.#filter, 'list', HTMLSelectElement), [{ value: '', text: t('business.subscribers.all_lists') }, ...names]);
    one(this.#add.form, 'datalist').replaceChildren(...names.map(({ value }) => new Option(value, value)));
    const sum = lists.reduce((total, { eligible }) => total + eligible, 0);
    setText(one(this.#root, '[data-sum]'), lists.length ? t('business.subscribers.sum', { n: sum }) : '');
    this.#filter.hidden = !lists.length;
  }

  async #addOne() {
    const { form } = this.#add;
    const added = await this.#add.ask(() => fillForm(form, 'create', {}), () => add(form));
    // Who has opted out by a message stays so.
    if (added) toast(t(`business.subscribers.done.${added.status}`, { phone: readable(added.phone) }));
  }

  /** @param {Api.Subscriber} subscriber */
  async #removeOne({ id, name, phone }) {
    const send = () => api(`api/subscribers/${id}`, { method: 'DELETE' });
    if (await this.#remove.ask({ name: name || readable(phone) }, send)) toast(t('business.subscribers.done.remove'));
  }
}

/**
 * Put a number on a list: at once, or once they have confirmed.
 * @param {HTMLFormElement} form
 * @returns {Promise<Api.Subscriber>}
 */
async function add(form) {
  const { phone: typed = '', name, list, language, asks, connectionId } = valuesOf(form);
  const phone = typedRecipient(typed, form.dataset.callingCode);
  if (!NUMBER.test(phone)) throw new Wrong('number', field(form, 'phone', HTMLInputElement));
  if (asks && !connectionId) throw new Wrong('connection');
  const question = asks ? { doubleOptIn: true, connectionId } : {};
  return post('api/subscribers', { phone, language, name: name || undefined, list: list || undefined, ...question });
}

/** @param {string} phone */
const readable = (phone) => `\u2066${readableRecipient(`${phone.replace('+', '')}@c.us`)}\u2069`;

/** @param {Api.Subscriber} subscriber */
function row({ name, phone, list, status, createdAt }) {
  const element = copyOf(ROW);
  const called = name || readable(phone);
  one(element, '[data-name]').textContent = called;
  one(element, '[data-phone]').textContent = name && readable(phone);
  one(element, '[data-list]').textContent = list;
  one(element, '[data-since]').textContent = momentTime(new Date(createdAt));
  one(element, '[data-status-word]').textContent = t(`business.subscribers.status.${status}`);
  one(element, '[data-menu-label]').textContent = t('business.subscribers.more', { name: called });
  one(element, '[data-act=off]').hidden = status === 'unsubscribed';
  element.dataset.status = status;
  return element;
}

new SubscribersView();
