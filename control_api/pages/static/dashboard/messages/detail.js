/** One message: all that is known of it, and what can be done. */

import { showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { messagePath } from '../paths.js';
import { readableRecipient } from '../recipient.js';
import { exactTime, number, t } from '../texts.js';
import { toast } from '../toast.js';
import { showStatus } from './pill.js';
import { showTimeline } from './timeline.js';
import { why } from './words.js';

const KINDS = { wrong_status: 'moved_on', message_not_found: 'gone', connection_not_found: 'gone', rate_limited: 'many' };
const AGAIN = ['failed', 'expired', 'cancelled', 'unknown'];

/** The dialog; `changed()` is called after something was done. */
export class Detail {
  #dialog = closable(document.getElementById('message'));
  #nameOf;
  #changed;
  #id = null;
  #message;

  constructor(nameOf, changed) {
    this.#nameOf = nameOf;
    this.#changed = changed;
    this.#dialog.addEventListener('click', (event) => {
      const button = event.target.closest('[data-act]');
      if (button) this.#act(button);
    });
    this.#dialog.addEventListener('close', () => { this.#id = null; });
  }

  async open(id) {
    this.#id = id;
    await this.refresh();
    this.#shows('message');
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** Ask anew, if it is open. Throws when the API does not answer. */
  async refresh() {
    const id = this.#id;
    if (!id) return;
    const message = await api(messagePath(id));
    if (id === this.#id) this.#show(message);
  }

  #show(message) {
    this.#message = message;
    this.#find('#message-title').textContent = readableRecipient(message.to);
    this.#find('#message-title').dir = 'ltr';
    showStatus(this.#find('[data-pill]'), message.status);
    const reason = this.#find('[data-why]');
    const words = why(message);
    if (reason.textContent !== words) reason.textContent = words;
    reason.hidden = !words;
    showTimeline(this.#find('[data-timeline]'), message);
    for (const [name, value] of Object.entries(this.#facts(message))) this.#fact(name, value);
    const { status } = message;
    this.#button('cancel').hidden = status !== 'queued';
    this.#button('again').hidden = !AGAIN.includes(status);
    this.#button('all').hidden = status !== 'failed' || !message.reason;
  }

  #facts(message) {
    const { waiting = {} } = message;
    return {
      connection: this.#nameOf(message),
      priority: message.priority === 'normal' ? null : t(`messages.priority.${message.priority}`),
      attempts: message.attempts > 1 ? number(message.attempts) : null,
      send_at: time(message.sendAt),
      expires_at: time(message.expiresAt),
      position: waiting.position ? number(waiting.position) : null,
      estimated_at: time(waiting.estimatedAt),
      chat_id: message.chatId && message.chatId !== message.to ? readableRecipient(message.chatId) : null,
      id: message.messageId,
      whatsapp_id: message.whatsappId,
    };
  }

  #fact(name, value) {
    const part = this.#find(`[data-fact=${name}]`);
    part.hidden = !value;
    part.querySelector('dd').textContent = value ?? '';
  }

  #act(button) {
    const { act } = button.dataset;
    showOnly(this.#dialog, 'error', null);
    if (act === 'back') this.#shows('message');
    else if (act === 'all') this.#ask('all', { name: this.#nameOf(this.#message), reason: why(this.#message) });
    else if (act === 'again' && this.#message.status === 'unknown') this.#ask('doubt');
    else this.#do(button, act);
  }

  #ask(question, values) {
    this.#find(`[data-question=${question}]`).textContent = t(`messages.ask.${question}`, values);
    this.#shows(question);
    this.#find(`[data-when=${question}] [data-act=back]`).focus();
  }

  async #do(button, act) {
    const path = messagePath(this.#message.messageId);
    const deeds = {
      cancel: () => api(path, { method: 'DELETE' }),
      again: () => api(`${path}/retry`, { method: 'POST' }),
      again_sure: () => api(`${path}/retry`, { method: 'POST', body: { confirm: true } }),
      all_sure: () => this.#redriveAll(),
    };
    try {
      const done = await working(button, deeds[act]);
      toast(t(`messages.done.${act}`, { n: number(done.items?.length ?? 1) }));
      await this.refresh();
      this.#shows('message');
    } catch (error) {
      showOnly(this.#dialog, 'error', kindOf(error, KINDS));
    } finally {
      this.#changed();
    }
  }

  #redriveAll() {
    const { owner, connectionId, reason } = this.#message;
    const query = new URLSearchParams({ owner });
    return api(`api/whatsapp/messages/retry?${query}`, { method: 'POST', body: { connectionId, reason } });
  }

  #shows(what) {
    showOnly(this.#dialog, 'error', null);
    showOnly(this.#dialog, 'when', what);
  }

  #button(act) {
    return this.#find(`[data-act=${act}]`);
  }

  #find(selector) {
    return this.#dialog.querySelector(selector);
  }
}

const time = (moment) => (moment ? exactTime(new Date(moment)) : null);
