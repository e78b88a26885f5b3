/** Change what an owner may change: the name, and how fast it may send. */

import { showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { connectionPath } from '../paths.js';
import { PACES, nameOf } from './paces.js';

const KINDS = { connection_not_found: 'gone' };

/** The dialog that changes a connection. */
export class SettingsDialog {
  #dialog = closable(document.getElementById('settings'));
  #form = this.#dialog.querySelector('form');
  #connection;
  #scope;

  constructor() {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Return whether something was changed. */
  ask(connection, scope) {
    this.#connection = connection;
    this.#scope = scope;
    const { name, pace } = this.#form.elements;
    name.value = connection.name;
    pace.value = nameOf(connection.pacing);
    // A pace that nobody has set cannot be chosen.
    this.#form.querySelector('[value=own]').closest('label').hidden = pace.value !== 'own';
    this.#dialog.querySelector('[data-id]').textContent = connection.connectionId;
    showOnly(this.#form, 'error', null);
    this.#dialog.returnValue = '';
    this.#dialog.showModal();
    return new Promise((resolve) => {
      const closed = () => resolve(this.#dialog.returnValue === 'done');
      this.#dialog.addEventListener('close', closed, { once: true });
    });
  }

  async #submit() {
    const { name, pace } = this.#form.elements;
    showOnly(this.#form, 'error', null);
    if (!name.value.trim()) {
      showOnly(this.#form, 'error', 'name');
      name.focus();
      return;
    }
    const body = { name: name.value.trim(), pacing: PACES[pace.value] };
    const change = () => api(connectionPath(this.#connection) + this.#scope, { method: 'PATCH', body });
    try {
      await working(this.#form.querySelector('[type=submit]'), change);
      this.#dialog.close('done');
    } catch (error) {
      showOnly(this.#form, 'error', kindOf(error, KINDS));
    }
  }
}
