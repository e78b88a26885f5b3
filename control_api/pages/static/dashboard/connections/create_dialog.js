// @ts-check
/** Create a connection: its name, how fast it may send, and for those who want, its id. */

import { field, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { PACES } from './paces.js';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const LONGEST_MADE_ID = 40;
const KINDS = { connection_exists: 'taken' };

/** The dialog that creates connections. */
export class CreateDialog {
  #dialog = closable('create');
  #form = one(this.#dialog, 'form', HTMLFormElement);
  #name = field(this.#form, 'name');
  #id = field(this.#form, 'id');
  #advanced = one(this.#dialog, '.advanced', HTMLDetailsElement);
  /** @type {string[]} */
  #takenIds = [];
  #idIsMade = true;
  /** @type {Api.Connection | null} */
  #created = null;

  constructor() {
    this.#name.addEventListener('input', () => this.#named());
    this.#id.addEventListener('input', () => {
      this.#idIsMade = this.#id.value === '';
      this.#complain(null);
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /**
   * Return the connection that was created, or null; a made id is none of `takenIds`.
   * @param {string[]} takenIds
   * @returns {Promise<Api.Connection | null>}
   */
  ask(takenIds) {
    this.#takenIds = takenIds;
    this.#form.reset();
    this.#advanced.open = false;
    this.#idIsMade = true;
    this.#created = null;
    this.#named();
    this.#dialog.showModal();
    this.#name.focus();
    return new Promise((resolve) => {
      this.#dialog.addEventListener('close', () => resolve(this.#created), { once: true });
    });
  }

  #named() {
    this.#complain(null);
    if (this.#idIsMade) this.#id.value = this.#idOf(this.#name.value);
  }

  /**
   * Make an id of the Latin letters and digits of a name; names of other scripts get a number.
   * @param {string} name
   */
  #idOf(name) {
    const latin = name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]+/g, '_');
    const base = latin.replace(/^_+|_+$/g, '').slice(0, LONGEST_MADE_ID) || 'line';
    const numbered = base !== 'line';
    for (let place = numbered ? 1 : this.#takenIds.length + 1; ; place += 1) {
      const id = numbered && place === 1 ? base : `${base}_${place}`;
      if (!this.#takenIds.includes(id)) return id;
    }
  }

  async #submit() {
    const name = this.#name.value.trim();
    const id = this.#id.value;
    if (!name) return this.#complain('name', this.#name);
    if (!ID.test(id)) return this.#complain('id', this.#id);
    const pace = field(this.#form, 'pace', RadioNodeList).value;
    const body = { connectionId: id, name, pacing: PACES[pace] };
    try {
      const button = one(this.#form, '[type=submit]', HTMLButtonElement);
      const ask = () => api('api/whatsapp/connections', { method: 'POST', body });
      this.#created = await working(button, ask);
      this.#dialog.close();
    } catch (error) {
      const kind = kindOf(error, KINDS);
      this.#complain(kind, kind === 'taken' ? this.#id : null);
    }
    return undefined;
  }

  /**
   * @param {string | null} kind
   * @param {HTMLInputElement | null} [about]
   */
  #complain(kind, about = null) {
    showOnly(this.#form, 'error', kind);
    for (const each of [this.#name, this.#id]) {
      if (each === about) each.setAttribute('aria-invalid', 'true');
      else each.removeAttribute('aria-invalid');
    }
    if (about === this.#id) this.#advanced.open = true;
    about?.focus();
  }
}
