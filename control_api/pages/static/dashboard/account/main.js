// @ts-check
/** The view of one's account: the API keys, and the password. */

import { byId, one } from '../../shared/dom.js';
import { api } from '../api.js';
import { ConfirmDialog } from '../confirm_dialog.js';
import { keepTrue } from '../live.js';
import { apiKeyPath } from '../paths.js';
import { t } from '../texts.js';
import { toast } from '../toast.js';
import { CreateDialog } from './create_dialog.js';
import { showKeys } from './keys.js';
import { MadeDialog } from './made_dialog.js';
import { PasswordForm } from './password.js';

class AccountView {
  #root = byId('account');
  #create = new CreateDialog(this.#root.dataset.me ?? '');
  #made = new MadeDialog();
  #revoke = new ConfirmDialog('revoke', { api_key_not_found: 'gone' });
  #refreshNow;

  constructor() {
    this.#refreshNow = keepTrue(() => this.#refresh(), {});
    one(this.#root, '[data-create]').addEventListener('click', () => this.#createOne());
    new PasswordForm(one(this.#root, '[data-password]', HTMLFormElement), this.#refreshNow);
  }

  async #refresh() {
    try {
      /** @type {Api.ApiKeyList} */
      const { items } = await api('api/api-keys');
      showKeys(one(this.#root, '[data-keys]'), items, (key) => this.#revokeOne(key));
      this.#switch(items.length ? 'list' : 'empty');
    } catch (error) {
      if (this.#root.dataset.shows === 'loading') this.#switch('error');
      throw error;
    }
  }

  async #createOne() {
    const made = await this.#create.ask();
    if (!made) return;
    this.#refreshNow();
    this.#made.show(made);
  }

  /** @param {Api.ApiKey} key */
  async #revokeOne(key) {
    const send = () => api(apiKeyPath(key), { method: 'DELETE' });
    if (await this.#revoke.ask(key, send)) toast(t('account.revoke.done', { name: key.name }));
    this.#refreshNow();
  }

  /** @param {string} shown */
  #switch(shown) {
    this.#root.dataset.shows = shown;
    for (const part of this.#root.querySelectorAll('[data-when]')) {
      /** @type {HTMLElement} */ (part).hidden = part.getAttribute('data-when') !== shown;
    }
  }
}

new AccountView();
