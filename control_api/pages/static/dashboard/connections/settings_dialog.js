// @ts-check
/** Change what an owner may change: the name, and how fast it may send. */

import { field, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { connectionPath } from '../paths.js';
import { PACES, nameOf } from './paces.js';

const KINDS = { connection_not_found: 'gone' };

/** The dialog that changes a connection. */
export class SettingsDialog {
  #dialog = closable('settings');
  #form = one(this.#dialog, 'form', HTMLFormElement);
  #name = field(this.#form, 'name');
  #pace = field(this.#form, 'pace', RadioNodeList);
  #path = '';

  constructor() {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /**
   * Return whether something was changed.
   * @param {Api.Connection} connection
   * @param {string} scope
   * @returns {Promise<boolean>}
   */
  ask(connection, scope) {
    this.#path = connectionPath(connection) + scope;
    this.#name.value = connection.name;
    this.#pace.value = nameOf(connection.pacing);
    // A pace that nobody has set cannot be chosen.
    one(this.#form, 'label:has([value=own])').hidden = this.#pace.value !== 'own';
    one(this.#dialog, '[data-id]').textContent = connection.connectionId;
    showOnly(this.#form, 'error', null);
    this.#dialog.returnValue = '';
    this.#dialog.showModal();
    return new Promise((resolve) => {
      const closed = () => resolve(this.#dialog.returnValue === 'done');
      this.#dialog.addEventListener('close', closed, { once: true });
    });
  }

  async #submit() {
    const name = this.#name.value.trim();
    showOnly(this.#form, 'error', name ? null : 'name');
    if (!name) {
      this.#name.focus();
      return;
    }
    const body = { name, pacing: PACES[this.#pace.value] };
    const change = () => api(this.#path, { method: 'PATCH', body });
    try {
      await working(one(this.#form, '[type=submit]', HTMLButtonElement), change);
      this.#dialog.close('done');
    } catch (error) {
      showOnly(this.#form, 'error', kindOf(error, KINDS));
    }
  }
}
