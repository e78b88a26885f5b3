// @ts-check
/** One message: all that is known of it, and what can be done. */

import { closest, one, setText, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { messagePath } from '../paths.js';
import { readableRecipient } from '../recipient.js';
import { said } from '../said.js';
import { exactTime, number, t } from '../texts.js';
import { toast } from '../toast.js';
import { showStatus } from './pill.js';
import { showTimeline } from './timeline.js';
import { why } from './words.js';

/** @type {Record<string, string>} */
const KINDS = { wrong_status: 'moved_on', message_not_found: 'gone', connection_not_found: 'gone', rate_limited: 'many' };
const AGAIN = ['failed', 'expired', 'cancelled', 'unknown'];

/** The dialog; `changed()` is called after something was done. */
export class Detail {
  #dialog = closable('message');
  #nameOf;
  #changed;
  #id = '';
  /** @type {Api.Message | null} */
  #message = null;

  /**
   * @param {(message: Api.Message) => string} nameOf
   * @param {() => void} changed
   */
  constructor(nameOf, changed) {
    this.#nameOf = nameOf;
    this.#changed = changed;
    this.#dialog.addEventListener('click', (event) => {
      const button = closest(event, '[data-act]');
      if (button instanceof HTMLButtonElement && this.#message) this.#act(button, this.#message);
    });
    this.#dialog.addEventListener('close', () => { this.#id = ''; });
  }

  /** @param {string} id */
  async open(id) {
    this.#id = id;
    await this.refresh();
    this.#shows('message');
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /**
   * Tell whether the dialog shows this message.
   * @param {string} id
   */
  isOpenOn(id) {
    return this.#id === id;
  }

  /** Ask anew, if it is open. Throws when the API does not answer. */
  async refresh() {
    const id = this.#id;
    if (!id) return;
    /** @type {Api.Message} */
    const message = await api(messagePath(id));
    if (id === this.#id) this.#show(message);
  }

  /** @param {Api.Message} message */
  #show(message) {
    this.#message = message;
    const title = this.#find('#message-title');
    title.textContent = readableRecipient(message.to);
    title.dir = 'ltr';
    showStatus(this.#find('[data-pill]'), message.status);
    const reason = this.#find('[data-why]');
    const words = why(message);
    setText(reason, words);
    reason.hidden = !words;
    const text = said(message);
    setText(this.#find('[data-text]'), text);
    this.#find('[data-no-text]').hidden = Boolean(text);
    showTimeline(this.#find('[data-timeline]'), message);
    for (const [name, value] of Object.entries(this.#facts(message))) this.#fact(name, value);
    const { status } = message;
    this.#button('cancel').hidden = status !== 'queued';
    this.#button('again').hidden = !AGAIN.includes(status);
    this.#button('all').hidden = status !== 'failed' || !message.reason;
  }

  /**
   * @param {Api.Message} message
   * @returns {Record<string, string | null | undefined>}
   */
  #facts(message) {
    const { waiting } = message;
    return {
      connection: this.#nameOf(message),
      priority: message.priority === 'normal' ? null : t(`messages.priority.${message.priority}`),
      attempts: message.attempts > 1 ? number(message.attempts) : null,
      send_at: time(message.sendAt),
      expires_at: time(message.expiresAt),
      position: waiting?.position ? number(waiting.position) : null,
      estimated_at: time(waiting?.estimatedAt),
      chat_id: message.chatId && message.chatId !== message.to ? readableRecipient(message.chatId) : null,
      id: message.messageId,
      whatsapp_id: message.whatsappId,
    };
  }

  /**
   * @param {string} name
   * @param {string | null | undefined} value
   */
  #fact(name, value) {
    const part = this.#find(`[data-fact=${name}]`);
    part.hidden = !value;
    one(part, 'dd').textContent = value ?? '';
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {Api.Message} message
   */
  #act(button, message) {
    const { act = '' } = button.dataset;
    showOnly(this.#dialog, 'error', null);
    if (act === 'back') this.#shows('message');
    else if (act === 'all') this.#ask('all', { name: this.#nameOf(message), reason: why(message) });
    else if (act === 'again' && message.status === 'unknown') this.#ask('doubt');
    else this.#do(button, act, message);
  }

  /**
   * @param {'all' | 'doubt'} question
   * @param {Record<string, string>} [values]
   */
  #ask(question, values) {
    this.#find(`[data-question=${question}]`).textContent = t(`messages.ask.${question}`, values);
    this.#shows(question);
    this.#find(`[data-when=${question}] [data-act=back]`).focus();
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {string} act
   * @param {Api.Message} message
   */
  async #do(button, act, message) {
    const path = messagePath(message.messageId);
    /** @type {Record<string, () => Promise<any>>} */
    const deeds = {
      cancel: () => api(path, { method: 'DELETE' }),
      again: () => api(`${path}/retry`, { method: 'POST' }),
      again_sure: () => api(`${path}/retry`, { method: 'POST', body: { confirm: true } }),
      all_sure: () => redriveAll(message),
    };
    try {
      const done = await working(button, async () => deeds[act]?.());
      toast(t(`messages.done.${act}`, { n: done?.items?.length ?? 1 }));
      await this.refresh();
      this.#shows('message');
    } catch (error) {
      showOnly(this.#dialog, 'error', kindOf(error, KINDS));
    } finally {
      this.#changed();
    }
  }

  /** @param {'message' | 'all' | 'doubt'} what */
  #shows(what) {
    showOnly(this.#dialog, 'error', null);
    showOnly(this.#dialog, 'when', what);
  }

  /** @param {string} act */
  #button(act) {
    return this.#find(`[data-act=${act}]`);
  }

  /** @param {string} selector */
  #find(selector) {
    return one(this.#dialog, selector);
  }
}

/** @param {Api.Message} message */
function redriveAll({ owner, connectionId, reason }) {
  const query = new URLSearchParams({ owner });
  return api(`api/whatsapp/messages/retry?${query}`, { method: 'POST', body: { connectionId, reason } });
}

/** @param {string | null} [moment] */
const time = (moment) => (moment ? exactTime(new Date(moment)) : null);
