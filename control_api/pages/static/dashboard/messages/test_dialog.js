// @ts-check
/** Send a test message, and watch it arrive. */

import { field, one, setText, showOnly } from '../../shared/dom.js';
import { Refusal } from '../../shared/request.js';
import { api } from '../api.js';
import { sends } from '../connections/meaning.js';
import { closable, kindOf, working } from '../dialog.js';
import { messagePath } from '../paths.js';
import { randomKey } from '../random_key.js';
import { readableRecipient, typedRecipient } from '../recipient.js';
import { showTimeline } from './timeline.js';
import { why } from './words.js';

/** @type {Record<string, string>} */
const KINDS = { connection_not_found: 'gone', rate_limited: 'many' };

/** The dialog; `changed()` is called after a message was accepted. */
export class TestDialog {
  #dialog = closable('test');
  #form = one(this.#dialog, 'form', HTMLFormElement);
  #connection = field(this.#form, 'connection', HTMLSelectElement);
  #to = field(this.#form, 'to');
  #text = field(this.#form, 'text', HTMLTextAreaElement);
  #callingCode;
  #nameOf;
  #changed;
  /** @type {Api.Connection[]} */
  #connections = [];
  #id = '';
  /** The same for each try of one message, so that a lost answer does not double it. */
  #key = '';

  /**
   * @param {string | undefined} callingCode
   * @param {(each: Api.Connection | Api.Message) => string} nameOf
   * @param {() => void} changed
   */
  constructor(callingCode, nameOf, changed) {
    this.#callingCode = callingCode;
    this.#nameOf = nameOf;
    this.#changed = changed;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#form.addEventListener('input', () => {
      this.#key = '';
      this.#warn();
    });
    this.#find('[data-another]').addEventListener('click', () => this.#write());
    this.#dialog.addEventListener('close', () => { this.#id = ''; });
  }

  /**
   * Offer the connections there are.
   * @param {Api.Connection[]} connections
   */
  offer(connections) {
    this.#connections = connections;
    const select = this.#connection;
    const before = select.value;
    const options = connections.map((each) => new Option(this.#nameOf(each), keyOf(each)));
    select.replaceChildren(...options);
    const chosen = connections.find((each) => keyOf(each) === before)
      ?? connections.find(sends) ?? connections[0];
    if (chosen) select.value = keyOf(chosen);
    this.#warn();
  }

  /**
   * Open it, for a connection if one is named.
   * @param {string} [connection]
   */
  open(connection) {
    if (connection) this.#connection.value = connection;
    this.#write();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /**
   * Tell whether the dialog watches this message.
   * @param {string} id
   */
  isOpenOn(id) {
    return this.#id === id;
  }

  /** Ask anew where the message is, if one is watched. Throws when the API does not answer. */
  async refresh() {
    const id = this.#id;
    if (!id) return;
    /** @type {Api.Message} */
    const message = await api(messagePath(id));
    if (id !== this.#id) return;
    showTimeline(this.#find('[data-timeline]'), message);
    setText(this.#find('[data-why]'), why(message));
  }

  #write() {
    this.#id = '';
    this.#key = '';
    this.#refuse(null);
    this.#warn();
    showOnly(this.#dialog, 'when', this.#connections.length ? 'form' : 'none');
  }

  #warn() {
    const chosen = this.#chosen();
    this.#find('[data-warning]').hidden = !chosen || sends(chosen);
  }

  async #send() {
    const chosen = this.#chosen();
    if (!chosen) return;
    const { owner, connectionId } = chosen;
    const message = this.#text.value;
    if (!message.trim()) {
      this.#refuse('text', this.#text);
      return;
    }
    const body = { connectionId, to: typedRecipient(this.#to.value, this.#callingCode), message };
    this.#key ||= randomKey();
    this.#refuse(null);
    const button = one(this.#form, '[type=submit]', HTMLButtonElement);
    const query = new URLSearchParams({ owner });
    const options = { method: 'POST', body, headers: { 'Idempotency-Key': this.#key } };
    try {
      const accepted = await working(button, () => api(`api/whatsapp/send?${query}`, options));
      await this.#watch(accepted.messageId);
    } catch (error) {
      if (error instanceof Refusal && error.status === 422) this.#refuse('number', this.#to);
      else this.#refuse(kindOf(error, KINDS));
    }
  }

  /** @param {string} id */
  async #watch(id) {
    /** @type {Api.Message} */
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

  /**
   * @param {string | null} kind
   * @param {HTMLElement} [about]
   */
  #refuse(kind, about) {
    showOnly(this.#form, 'error', kind);
    for (const each of [this.#to, this.#text]) each.removeAttribute('aria-invalid');
    about?.setAttribute('aria-invalid', 'true');
    about?.focus();
  }

  #chosen() {
    const { value } = this.#connection;
    return this.#connections.find((each) => keyOf(each) === value);
  }

  /** @param {string} selector */
  #find(selector) {
    return one(this.#dialog, selector);
  }
}

/** @param {Api.Connection} connection */
const keyOf = ({ owner, connectionId }) => `${owner}/${connectionId}`;
