/** Which messages are looked for: in the form, in the address of the page, and for the API. */

import { showOnly } from '../../shared/dom.js';
import { typedRecipient } from '../recipient.js';

const STATUSES = {
  waiting: ['queued', 'sending'],
  sent: ['sent', 'delivered', 'read'],
  trouble: ['failed', 'expired', 'unknown'],
  cancelled: ['cancelled'],
};
const SPANS_MS = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 };
const INITIAL = { group: 'all', to: '', connection: '', span: 'any', since: '', until: '' };

/** The form; `changed()` is called when something else is looked for. */
export class Filter {
  #form;
  #callingCode;
  #changed;

  constructor(form, callingCode, changed) {
    this.#form = form;
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

  clear() {
    for (const [name, value] of Object.entries(INITIAL)) this.#form.elements[name].value = value;
    this.#took();
    this.#form.elements.to.focus();
  }

  /** Offer the connections there are, and keep the one that was chosen. */
  offer(connections, label) {
    const select = this.#form.elements.connection;
    const chosen = select.value || select.dataset.chosen || '';
    const options = connections.map((each) => new Option(label(each), `${each.owner}/${each.connectionId}`));
    select.replaceChildren(select.options[0], ...options);
    if (options.some((each) => each.value === chosen)) select.value = chosen;
    else if (chosen) this.#took();
  }

  /** Say that what was typed is no number, or with false that it is one. */
  refuseNumber(wrong) {
    showOnly(this.#form, 'error', wrong ? 'number' : null);
    this.#form.elements.to.setAttribute('aria-invalid', String(wrong));
  }

  #addTimes(query) {
    const span = this.#value('span');
    if (span in SPANS_MS) query.set('since', new Date(Date.now() - SPANS_MS[span]).toISOString());
    if (span !== 'custom') return;
    for (const name of ['since', 'until']) {
      const value = this.#value(name);
      if (value) query.set(name, new Date(value).toISOString());
    }
  }

  #took() {
    this.#form.querySelector('[data-custom]').hidden = this.#value('span') !== 'custom';
    this.#writeAddress();
    this.#changed();
  }

  #value(name) {
    return this.#form.elements[name].value.trim();
  }

  #read(params) {
    for (const [name, value] of params) {
      if (!(name in INITIAL)) continue;
      this.#form.elements[name].value = value;
    }
    const select = this.#form.elements.connection;
    const chosen = params.get('connection');
    // Which ones there are is not known yet.
    if (chosen) {
      select.dataset.chosen = chosen;
      select.append(new Option(chosen.split('/').at(-1), chosen));
      select.value = chosen;
    }
    this.#form.querySelector('[data-custom]').hidden = this.#value('span') !== 'custom';
    if (!this.#form.elements.group.value) this.#form.elements.group.value = INITIAL.group;
    if (!this.#form.elements.span.value) this.#form.elements.span.value = INITIAL.span;
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
