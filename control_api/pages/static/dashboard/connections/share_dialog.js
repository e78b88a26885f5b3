// @ts-check
/** Make a linking page for somebody else, and hand out its address. */

import { byId, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { CopyButton } from '../copy_button.js';
import { closable, kindOf } from '../dialog.js';
import { connectionPath } from '../paths.js';
import { clockTime, t } from '../texts.js';

/** The dialog that hands out a linking page. */
export class ShareDialog {
  #dialog = closable('share');
  #field = byId('share-url', HTMLInputElement);
  #copy = new CopyButton(one(this.#dialog, '[data-copy]', HTMLButtonElement), this.#field);
  #send = one(this.#dialog, '[data-send]');

  constructor() {
    this.#send.addEventListener('click', () => {
      const sent = navigator.share({ text: t('connections.share.message'), url: this.#field.value });
      // Somebody who closes the browser's own dialog has decided so.
      sent.catch(() => {});
    });
  }

  /**
   * Make a link and show it.
   * @param {Api.Connection} connection
   * @param {string} scope
   */
  async open(connection, scope) {
    one(this.#dialog, '[data-name]').textContent = connection.name;
    this.#show('', '');
    this.#dialog.showModal();
    try {
      const path = `${connectionPath(connection)}/qr-link${scope}`;
      const { url, expiresAt } = await api(path, { method: 'POST' });
      this.#show(url, t('connections.share.until', { time: clockTime(new Date(expiresAt)) }));
      this.#copy.focus();
    } catch (error) {
      showOnly(this.#dialog, 'error', kindOf(error, {}));
    }
  }

  /**
   * @param {string} url
   * @param {string} until
   */
  #show(url, until) {
    showOnly(this.#dialog, 'error', null);
    this.#copy.show(url);
    one(this.#dialog, '[data-until]').textContent = until;
    this.#send.hidden = !url || !navigator.share;
  }
}
