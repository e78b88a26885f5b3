// @ts-check
/** Create an API key: its name, what it may do, for which connections, and until when. */

import { field, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';

const KINDS = { connection_not_found: 'gone', invalid_parameter: 'expires', quota_exceeded: 'quota' };

/** The dialog that creates keys. */
export class CreateDialog {
  #me;
  #dialog = closable('create');
  #form = one(this.#dialog, 'form', HTMLFormElement);
  #name = field(this.#form, 'name');
  #expires = field(this.#form, 'expires');
  #which = one(this.#dialog, '[data-which]');
  /** @type {Api.CreatedApiKey | null} */
  #created = null;

  /** @param {string} me The owner whose connections can be chosen. */
  constructor(me) {
    this.#me = me;
    this.#form.addEventListener('change', () => this.#showWhich());
    this.#form.addEventListener('input', () => this.#complain(null));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /**
   * Return the key that was created, or null.
   * @returns {Promise<Api.CreatedApiKey | null>}
   */
  ask() {
    this.#form.reset();
    this.#which.replaceChildren();
    this.#created = null;
    this.#showWhich();
    this.#complain(null);
    this.#dialog.showModal();
    this.#name.focus();
    this.#listConnections();
    return new Promise((resolve) => {
      this.#dialog.addEventListener('close', () => resolve(this.#created), { once: true });
    });
  }

  /** List one's own connections; without an answer the key can be for all of them only. */
  async #listConnections() {
    try {
      /** @type {Api.ConnectionList} */
      const { items } = await api('api/whatsapp/connections');
      const own = items.filter(({ owner }) => owner === this.#me);
      this.#which.replaceChildren(...own.map(connectionItem));
    } catch (error) {
      this.#complain(kindOf(error, KINDS));
    }
  }

  #showWhich() {
    this.#which.hidden = field(this.#form, 'bound', RadioNodeList).value !== 'some';
  }

  async #submit() {
    const name = this.#name.value.trim();
    const scopes = this.#checked('scopes');
    const connectionIds = this.#which.hidden ? undefined : this.#checked('connections');
    const expires = this.#expires.value ? new Date(this.#expires.value) : null;
    if (!name) return this.#complain('name', this.#name);
    if (!scopes.length) return this.#complain('scopes');
    if (connectionIds?.length === 0) return this.#complain('which');
    // What is half typed has no value.
    if (this.#expires.validity.badInput || (expires && expires.getTime() <= Date.now())) {
      return this.#complain('expires', this.#expires);
    }
    const body = { name, scopes, connectionIds, expiresAt: expires?.toISOString() };
    try {
      const button = one(this.#form, '[type=submit]', HTMLButtonElement);
      this.#created = await working(button, () => api('api/api-keys', { method: 'POST', body }));
      this.#dialog.close();
    } catch (error) {
      this.#complain(kindOf(error, KINDS));
    }
    return undefined;
  }

  /** @param {string} name */
  #checked(name) {
    /** @type {NodeListOf<HTMLInputElement>} */
    const checked = this.#form.querySelectorAll(`[name=${name}]:checked`);
    return [...checked].map(({ value }) => value);
  }

  /**
   * @param {string | null} kind
   * @param {HTMLInputElement | null} [about]
   */
  #complain(kind, about = null) {
    showOnly(this.#form, 'error', kind);
    for (const each of [this.#name, this.#expires]) {
      if (each === about) each.setAttribute('aria-invalid', 'true');
      else each.removeAttribute('aria-invalid');
    }
    about?.focus();
    // The form is taller than most windows.
    if (kind) one(this.#dialog, '#create-errors').scrollIntoView({ block: 'nearest' });
  }
}

/** @param {Api.Connection} connection */
function connectionItem({ connectionId, name }) {
  const item = document.createElement('li');
  const label = document.createElement('label');
  const box = document.createElement('input');
  const text = document.createElement('bdi');
  Object.assign(box, { type: 'checkbox', name: 'connections', value: connectionId });
  text.textContent = name;
  label.append(box, text);
  item.append(label);
  return item;
}
