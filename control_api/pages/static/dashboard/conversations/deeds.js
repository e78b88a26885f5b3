// @ts-check
/** What is done to a message: react, revoke, and fetch its file again. */

import { showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { kindOf as errorKind, working } from '../dialog.js';
import { t } from '../texts.js';
import { toast } from '../toast.js';
import { pathOf } from './bubble.js';

const KNOWN = ['gone', 'late', 'many', 'refused', 'unreachable'];
/** @type {Record<string, string>} */
const KINDS = {
  message_not_found: 'gone',
  connection_not_found: 'gone',
  wrong_status: 'late',
  edit_window_over: 'late',
  revoke_window_over: 'late',
  message_revoked: 'late',
  not_editable: 'late',
  not_revocable: 'late',
  reply_to_not_found: 'gone',
  rate_limited: 'many',
};

/** Does what the buttons of a bubble say; `changed()` is called after each. */
export class Deeds {
  #changed;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /**
   * Do what a button stands for.
   * @param {HTMLButtonElement} button
   * @param {Api.Entry} message
   * @param {HTMLElement} bubble
   */
  async act(button, message, bubble) {
    const deed = button.dataset.do ?? '';
    if (deed === 'ask-react' || deed === 'ask-revoke') {
      showOnly(bubble, 'asks', deed.slice('ask-'.length));
      /** @type {HTMLElement | null} */ (bubble.querySelector('[data-asks]:not([hidden]) button'))?.focus();
      return;
    }
    if (deed !== 'leave') await this.#send(button, deed, message);
    showOnly(bubble, 'asks', null);
    /** @type {HTMLElement | null} */ (bubble.querySelector('[data-menu] summary'))?.focus();
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {string} deed
   * @param {Api.Entry} message
   */
  async #send(button, deed, message) {
    const path = pathOf(message);
    const { emoji } = button.dataset;
    /** @type {Record<string, () => Promise<unknown>>} */
    const deeds = {
      react: () => api(`${path}/reaction`, { method: 'POST', body: { emoji: emoji || null } }),
      revoke: () => api(`${path}/revoke`, { method: 'POST' }),
      fetch: () => api(`${path}/media`, { method: 'POST' }),
    };
    try {
      await working(button, async () => deeds[deed]?.());
      toast(t(`conversations.done.${deed}`));
    } catch (error) {
      const kind = errorKind(error, KINDS);
      toast(t(`conversations.error.${KNOWN.includes(kind) ? kind : 'refused'}`));
    } finally {
      this.#changed();
    }
  }
}
