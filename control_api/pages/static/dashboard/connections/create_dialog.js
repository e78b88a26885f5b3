/** Create a connection: its name, how fast it may send, and for those who want, its id. */

import { showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { PACES } from './paces.js';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const LONGEST_MADE_ID = 40;
const KINDS = { connection_exists: 'taken' };

/** The dialog that creates connections. */
export class CreateDialog {
  #dialog = closable(document.getElementById('create'));
  #form = this.#dialog.querySelector('form');
  #takenIds = [];
  #idIsMade = true;
  #created = null;

  constructor() {
    this.#form.elements.name.addEventListener('input', () => this.#named());
    this.#form.elements.id.addEventListener('input', (event) => {
      this.#idIsMade = event.target.value === '';
      this.#complain(null);
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Return the connection that was created, or null; a made id is none of `takenIds`. */
  ask(takenIds) {
    this.#takenIds = takenIds;
    this.#form.reset();
    this.#dialog.querySelector('.advanced').open = false;
    this.#idIsMade = true;
    this.#created = null;
    this.#named();
    this.#dialog.showModal();
    this.#form.elements.name.focus();
    return new Promise((resolve) => {
      this.#dialog.addEventListener('close', () => resolve(this.#created), { once: true });
    });
  }

  #named() {
    this.#complain(null);
    if (this.#idIsMade) this.#form.elements.id.value = this.#idOf(this.#form.elements.name.value);
  }

  /** Make an id of the Latin letters and digits of a name; names of other scripts get a number. */
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
    const { name, id, pace } = this.#form.elements;
    if (!name.value.trim()) return this.#complain('name', name);
    if (!ID.test(id.value)) return this.#complain('id', id);
    const body = { connectionId: id.value, name: name.value.trim(), pacing: PACES[pace.value] };
    try {
      const button = this.#form.querySelector('[type=submit]');
      const ask = () => api('api/whatsapp/connections', { method: 'POST', body });
      this.#created = await working(button, ask);
      this.#dialog.close();
    } catch (error) {
      const kind = kindOf(error, KINDS);
      this.#complain(kind, kind === 'taken' ? id : null);
    }
  }

  #complain(kind, field = null) {
    showOnly(this.#form, 'error', kind);
    for (const each of [this.#form.elements.name, this.#form.elements.id]) {
      if (each === field) each.setAttribute('aria-invalid', 'true');
      else each.removeAttribute('aria-invalid');
    }
    if (!field) return;
    if (field.name === 'id') this.#dialog.querySelector('.advanced').open = true;
    field.focus();
  }
}
