/** Send a test message, and watch it arrive. */

import { showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { SENDS } from '../connections/meaning.js';
import { closable, kindOf, working } from '../dialog.js';
import { messagePath } from '../paths.js';
import { readableRecipient, typedRecipient } from '../recipient.js';
import { showTimeline } from './timeline.js';
import { why } from './words.js';

const KINDS = { connection_not_found: 'gone', rate_limited: 'many' };

/** The dialog; `changed()` is called after a message was accepted. */
export class TestDialog {
  #dialog = closable(document.getElementById('test'));
  #form = this.#dialog.querySelector('form');
  #callingCode;
  #nameOf;
  #changed;
  #connections = [];
  #id = null;
  /** The same for each try of one message, so that a lost answer does not double it. */
  #key = null;

  constructor(callingCode, nameOf, changed) {
    this.#callingCode = callingCode;
    this.#nameOf = nameOf;
    this.#changed = changed;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#form.addEventListener('input', () => {
      this.#key = null;
      this.#warn();
    });
    this.#dialog.querySelector('[data-another]').addEventListener('click', () => this.#write());
    this.#dialog.addEventListener('close', () => { this.#id = null; });
  }

  /** Offer the connections there are. */
  offer(connections) {
    this.#connections = connections;
    const select = this.#form.elements.connection;
    const before = select.value;
    const options = connections.map((each) => new Option(this.#nameOf(each), keyOf(each)));
    select.replaceChildren(...options);
    const chosen = connections.find((each) => keyOf(each) === before)
      ?? connections.find((each) => SENDS.includes(each.state)) ?? connections[0];
    if (chosen) select.value = keyOf(chosen);
    this.#warn();
  }

  /** Open it, for a connection if one is named. */
  open(connection) {
    if (connection) this.#form.elements.connection.value = connection;
    this.#write();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** Ask anew where the message is, if one is watched. Throws when the API does not answer. */
  async refresh() {
    const id = this.#id;
    if (!id) return;
    const message = await api(messagePath(id));
    if (id !== this.#id) return;
    showTimeline(this.#find('[data-timeline]'), message);
    const words = this.#find('[data-why]');
    const text = why(message);
    if (words.textContent !== text) words.textContent = text;
  }

  #write() {
    this.#id = null;
    this.#key = null;
    this.#refuse(null);
    this.#warn();
    showOnly(this.#dialog, 'when', this.#connections.length ? 'form' : 'none');
  }

  #warn() {
    const chosen = this.#chosen();
    this.#find('[data-warning]').hidden = !chosen || SENDS.includes(chosen.state);
  }

  async #send() {
    const { owner, connectionId } = this.#chosen();
    const { to, text } = this.#form.elements;
    if (!text.value.trim()) return this.#refuse('text', text);
    const body = { connectionId, to: typedRecipient(to.value, this.#callingCode), message: text.value };
    this.#key ??= randomKey();
    this.#refuse(null);
    const button = this.#form.querySelector('[type=submit]');
    const query = new URLSearchParams({ owner });
    const options = { method: 'POST', body, headers: { 'Idempotency-Key': this.#key } };
    try {
      const accepted = await working(button, () => api(`api/whatsapp/send?${query}`, options));
      await this.#watch(accepted.messageId);
    } catch (error) {
      if (error.status === 422) this.#refuse('number', to);
      else this.#refuse(kindOf(error, KINDS));
    }
    return undefined;
  }

  async #watch(id) {
    const message = await api(messagePath(id));
    this.#id = id;
    this.#find('[data-from]').textContent = this.#nameOf(message);
    this.#find('[data-to]').textContent = readableRecipient(message.to);
    showTimeline(this.#find('[data-timeline]'), message);
    this.#find('[data-why]').textContent = why(message);
    showOnly(this.#dialog, 'when', 'watch');
    this.#find('[data-when=watch] [data-close]').focus();
    this.#changed();
  }

  #refuse(kind, field) {
    showOnly(this.#form, 'error', kind);
    for (const each of [this.#form.elements.to, this.#form.elements.text]) each.removeAttribute('aria-invalid');
    field?.setAttribute('aria-invalid', 'true');
    field?.focus();
  }

  #chosen() {
    const { value } = this.#form.elements.connection;
    return this.#connections.find((each) => keyOf(each) === value);
  }

  #find(selector) {
    return this.#dialog.querySelector(selector);
  }
}

const keyOf = ({ owner, connectionId }) => `${owner}/${connectionId}`;

/** `crypto.randomUUID` is there over HTTPS only. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, '0')).join('');
}
