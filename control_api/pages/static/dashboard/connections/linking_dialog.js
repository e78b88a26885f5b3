// @ts-check
/** Link a phone in a dialog: the parts of the linking page, by a signed link of its own. */

import { Linking } from '../../link/linking.js';
import { SignedLink } from '../../link/signed_link.js';
import { byId, one } from '../../shared/dom.js';
import { ROOT, api } from '../api.js';
import { closable } from '../dialog.js';
import { connectionPath } from '../paths.js';
import { t } from '../texts.js';
import { toast } from '../toast.js';

/** @import { ShareDialog } from './share_dialog.js' */

const DONE = ['linked', 'already', 'returning'];
const PARTS = byId('linking-parts', HTMLTemplateElement);

/** The dialog that links a phone. */
export class LinkingDialog {
  #dialog = closable('linking');
  #share;
  #changed;
  #closing = new AbortController();
  #scope = '';
  /** @type {Api.Connection | null} */
  #connection = null;

  /**
   * @param {ShareDialog} share
   * @param {() => void} changed
   */
  constructor(share, changed) {
    this.#share = share;
    this.#changed = changed;
    this.#dialog.addEventListener('close', () => this.#closed());
    this.#find('[data-share]').addEventListener('click', () => {
      this.#dialog.close();
      if (this.#connection) this.#share.open(this.#connection, this.#scope);
    });
  }

  /**
   * Show codes until a phone is linked or the dialog is closed.
   * @param {Api.Connection} connection
   * @param {string} scope
   */
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
    const path = (/** @type {string} */ what) => `${connectionPath(connection)}/${what}${scope}`;
    await this.#link(place, path, signal);
  }

  /**
   * A link lasts for a while; who looks longer gets another.
   * @param {HTMLElement} place
   * @param {(what: string) => string} path
   * @param {AbortSignal} signal
   */
  async #link(place, path, signal) {
    /** @type {string} */
    let last;
    do {
      const link = await this.#makeLink(path('qr-link'), signal);
      if (!link) return;
      last = '';
      await new Linking(place, link, (stage) => {
        last = stage;
        this.#stage(stage);
      }).run(signal);
    } while (last === 'link_expired' && !signal.aborted && await exists(path('status')));
  }

  /**
   * @param {string} path
   * @param {AbortSignal} signal
   */
  async #makeLink(path, signal) {
    try {
      const { url } = await api(path, { method: 'POST' });
      // The link may name a public address; this page speaks to the one that it came from.
      return new SignedLink(url, `${ROOT}link`);
    } catch {
      if (signal.aborted) return null;
      this.#dialog.close();
      toast(t('connections.error.unreachable'));
      return null;
    }
  }

  /** @param {string} stage */
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

  /** @param {string} selector */
  #find(selector) {
    return one(this.#dialog, selector);
  }
}

/** @param {string} path */
function exists(path) {
  return api(path).then(() => true, () => false);
}
