// @ts-check
/** Which messages are looked for: in the form, in the address of the page, and for the API. */

import { field, one, showOnly } from '../../shared/dom.js';
import { typedRecipient } from '../recipient.js';

/** @type {Record<string, Api.MessageStatus[]>} */
const STATUSES = {
  waiting: ['queued', 'sending'],
  sent: ['sent', 'delivered', 'read'],
  trouble: ['failed', 'expired', 'unknown'],
  cancelled: ['cancelled'],
};
/** @type {Record<string, number>} */
const SPANS_MS = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 };
/** @type {Record<string, string>} */
const INITIAL = { group: 'all', to: '', connection: '', span: 'any', since: '', until: '' };

/** The form; `changed()` is called when something else is looked for. */
export class Filter {
  #form;
  #to;
  #connection;
  #callingCode;
  #changed;

  /**
   * @param {HTMLFormElement} form
   * @param {string | undefined} callingCode
   * @param {() => void} changed
   */
  constructor(form, callingCode, changed) {
    this.#form = form;
    this.#to = field(form, 'to');
    this.#connection = field(form, 'connection', HTMLSelectElement);
    this.#callingCode = callingCode;
    this.#changed = changed;
    this.#read(new URLSearchParams(location.search));
    form.addEventListener('change', () => this.#took());
    form.addEventListener('search', () => this.#took());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#took();
    });
  }

  /** Whether anything but everything is looked for. */
  get narrows() {
    return Object.keys(INITIAL).some((name) => this.#value(name) !== INITIAL[name]);
  }

  /** The query for the API. */
  get query() {
    const query = new URLSearchParams();
    const statuses = STATUSES[this.#value('group')];
    if (statuses) query.set('status', statuses.join(','));
    const to = typedRecipient(this.#value('to'), this.#callingCode);
    if (to) query.set('to', to);
    const [owner, connectionId] = this.#value('connection').split('/');
    if (connectionId) {
      query.set('connectionId', connectionId);
      query.set('owner', owner);
    }
    this.#addTimes(query);
    return query;
  }

  /**
   * Tell whether a message of this status is looked for, whatever else is.
   * @param {Api.MessageStatus} status
   */
  takes(status) {
    const statuses = STATUSES[this.#value('group')];
    return !statuses || statuses.includes(status);
  }

  clear() {
    for (const [name, value] of Object.entries(INITIAL)) this.#set(name, value);
    this.#took();
    this.#to.focus();
  }

  /**
   * Offer the connections there are, and keep the one that was chosen.
   * @param {Api.Connection[]} connections
   * @param {(connection: Api.Connection) => string} label
   */
  offer(connections, label) {
    const select = this.#connection;
    const chosen = select.value || select.dataset.chosen || '';
    const options = connections.map((each) => new Option(label(each), `${each.owner}/${each.connectionId}`));
    select.replaceChildren(...[...select.options].slice(0, 1), ...options);
    if (options.some((each) => each.value === chosen)) select.value = chosen;
    else if (chosen) this.#took();
  }

  /**
   * Say that what was typed is no number, or with false that it is one.
   * @param {boolean} wrong
   */
  refuseNumber(wrong) {
    showOnly(this.#form, 'error', wrong ? 'number' : null);
    this.#to.setAttribute('aria-invalid', String(wrong));
  }

  /** @param {URLSearchParams} query */
  #addTimes(query) {
    const span = this.#value('span');
    const length = SPANS_MS[span];
    if (length) query.set('since', new Date(Date.now() - length).toISOString());
    if (span !== 'custom') return;
    for (const name of ['since', 'until']) {
      const value = this.#value(name);
      if (value) query.set(name, new Date(value).toISOString());
    }
  }

  #took() {
    this.#offerTimes();
    this.#writeAddress();
    this.#changed();
  }

  #offerTimes() {
    one(this.#form, '[data-custom]').hidden = this.#value('span') !== 'custom';
  }

  /** @param {string} name */
  #value(name) {
    return valued(this.#form, name).value.trim();
  }

  /**
   * @param {string} name
   * @param {string} [value]
   */
  #set(name, value = '') {
    valued(this.#form, name).value = value;
  }

  /** @param {URLSearchParams} params */
  #read(params) {
    for (const [name, value] of params) {
      if (name in INITIAL) this.#set(name, value);
    }
    const select = this.#connection;
    const chosen = params.get('connection');
    // Which ones there are is not known yet.
    if (chosen) {
      select.dataset.chosen = chosen;
      select.append(new Option(chosen.split('/').at(-1), chosen));
      select.value = chosen;
    }
    this.#offerTimes();
    for (const name of ['group', 'span']) {
      if (!this.#value(name)) this.#set(name, INITIAL[name]);
    }
  }

  /** Keep it in the address, so that it can be kept, sent to others, and found after a reload. */
  #writeAddress() {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(INITIAL)) {
      if (this.#value(name) !== value) params.set(name, this.#value(name));
    }
    const query = params.toString();
    history.replaceState(null, '', query ? `?${query}` : location.pathname);
  }
}

/**
 * A field of a form, or the several of one name that are chosen from.
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {{value: string}}
 */
function valued(form, name) {
  const found = form.elements.namedItem(name);
  if (!found || !('value' in found)) throw new Error(`There is no field ${name}`);
  return /** @type {{value: string}} */ (found);
}
