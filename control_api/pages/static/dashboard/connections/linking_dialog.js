/** Link a phone in a dialog: the parts of the linking page, by a signed link of its own. */

import { Linking } from '../../link/linking.js';
import { SignedLink } from '../../link/signed_link.js';
import { ROOT, api } from '../api.js';
import { closable } from '../dialog.js';
import { connectionPath } from '../paths.js';
import { t } from '../texts.js';
import { toast } from '../toast.js';

const DONE = ['linked', 'already', 'returning'];
const PARTS = document.getElementById('linking-parts');

/** The dialog that links a phone. */
export class LinkingDialog {
  #dialog = closable(document.getElementById('linking'));
  #share;
  #changed;
  #closing;
  #connection;
  #scope;

  constructor(share, changed) {
    this.#share = share;
    this.#changed = changed;
    this.#dialog.addEventListener('close', () => this.#closed());
    this.#find('[data-share]').addEventListener('click', () => {
      this.#dialog.close();
      this.#share.open(this.#connection, this.#scope);
    });
  }

  /** Show codes until a phone is linked or the dialog is closed. */
  async open(connection, scope) {
    this.#connection = connection;
    this.#scope = scope;
    this.#closing = new AbortController();
    const { signal } = this.#closing;
    this.#find('[data-name]').textContent = connection.name;
    this.#stage('starting');
    const place = this.#find('[data-place]');
    place.replaceChildren(PARTS.content.cloneNode(true));
    this.#dialog.showModal();
    await this.#link(place, signal);
  }

  /** A link lasts for a while; who looks longer gets another. */
  async #link(place, signal) {
    let last;
    do {
      const link = await this.#makeLink(signal);
      if (!link) return;
      last = null;
      await new Linking(place, link, (stage) => {
        last = stage;
        this.#stage(stage);
      }).run(signal);
    } while (last === 'link_expired' && !signal.aborted && await this.#exists());
  }

  async #makeLink(signal) {
    try {
      const { url } = await api(`${connectionPath(this.#connection)}/qr-link${this.#scope}`, { method: 'POST' });
      // The link may name a public address; this page speaks to the one that it came from.
      return new SignedLink(url, `${ROOT}link`);
    } catch {
      if (signal.aborted) return null;
      this.#dialog.close();
      toast(t('connections.error.unreachable'));
      return null;
    }
  }

  async #exists() {
    return api(`${connectionPath(this.#connection)}/status${this.#scope}`).then(() => true, () => false);
  }

  #stage(stage) {
    const done = DONE.includes(stage);
    this.#find('[data-done]').hidden = !done;
    this.#find('[data-aside]').hidden = done;
    if (done) {
      this.#find('[data-done] button').focus();
      this.#changed();
    }
  }

  #closed() {
    this.#closing.abort();
    this.#find('[data-place]').replaceChildren();
    this.#changed();
  }

  #find(selector) {
    return this.#dialog.querySelector(selector);
  }
}
