// @ts-check
/** Make a new secret; for a while events are signed with the former one, too. */

import { field, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { webhookPath } from '../paths.js';

/** @type {Record<string, string>} */
const KINDS = { webhook_not_found: 'gone', no_encryption_keys: 'keys', rate_limited: 'many' };

/** The dialog. */
export class RotateDialog {
  #dialog = closable('rotate');
  #form = one(this.#dialog, 'form', HTMLFormElement);
  /** @type {Api.Webhook | null} */
  #webhook = null;
  /** @type {string | null} */
  #secret = null;

  constructor() {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /**
   * Return the new secret, or null.
   * @param {Api.Webhook} webhook
   * @returns {Promise<string | null>}
   */
  ask(webhook) {
    this.#webhook = webhook;
    this.#secret = null;
    this.#form.reset();
    showOnly(this.#form, 'error', null);
    this.#dialog.showModal();
    return new Promise((resolve) => {
      this.#dialog.addEventListener('close', () => resolve(this.#secret), { once: true });
    });
  }

  async #submit() {
    const webhook = this.#webhook;
    if (!webhook) return;
    const overlap = field(this.#form, 'overlap', HTMLSelectElement).value;
    const button = one(this.#form, '[type=submit]', HTMLButtonElement);
    try {
      const path = `${webhookPath(webhook)}/rotate-secret`;
      /** @type {Api.NewSecret} */
      const made = await working(button, () => api(path, { method: 'POST', body: { overlap } }));
      this.#secret = made.secret;
      this.#dialog.close();
    } catch (error) {
      showOnly(this.#form, 'error', kindOf(error, KINDS));
    }
  }
}
