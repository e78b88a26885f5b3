// @ts-check
/** Write: a message, an answer to one, or the new text of one. */

import { field, one, setText, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { kindOf as errorKind, working } from '../dialog.js';
import { randomKey } from '../random_key.js';
import { said } from '../said.js';
import { pathOf } from './bubble.js';

/** @type {Record<string, string>} */
const KINDS = {
  connection_not_found: 'gone',
  message_not_found: 'gone',
  rate_limited: 'many',
  queue_full: 'full',
  text_key_missing: 'refused',
  wrong_status: 'late',
  edit_window_over: 'late',
  revoke_window_over: 'late',
  message_revoked: 'late',
  not_editable: 'late',
  not_revocable: 'late',
  reply_to_not_found: 'gone',
};
const TALLEST_PX = 200;

/** The form; `changed()` is called after a message was accepted. */
export class Composer {
  #form;
  #text;
  #button;
  #changed;
  #connection = '';
  #chat = '';
  /** @type {Api.Entry | null} */
  #answers = null;
  /** @type {Api.Entry | null} */
  #edits = null;
  /** The same for each try of one message, so that a lost answer does not double it. */
  #key = '';
  /** What was begun in other chats. @type {Map<string, string>} */
  #drafts = new Map();

  /**
   * @param {HTMLFormElement} form
   * @param {() => void} changed
   */
  constructor(form, changed) {
    this.#form = form;
    this.#text = field(form, 'text', HTMLTextAreaElement);
    this.#button = one(form, '[type=submit]', HTMLButtonElement);
    this.#changed = changed;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('input', () => {
      this.#key = '';
      this.#refuse(null);
      this.#grow();
    });
    this.#text.addEventListener('keydown', (event) => this.#pressed(event));
    one(form, '[data-cancel]').addEventListener('click', () => this.#leave());
  }

  /**
   * Write into another chat from now on; what was begun here is kept for later.
   * @param {string} connection
   * @param {string} chat
   */
  open(connection, chat) {
    if (connection === this.#connection && chat === this.#chat) return;
    if (!this.#edits) this.#drafts.set(this.#place, this.#text.value);
    this.#connection = connection;
    this.#chat = chat;
    this.#answers = this.#edits = null;
    this.#write(this.#drafts.get(this.#place) ?? '');
    this.#about();
  }

  /**
   * Answer a message.
   * @param {Api.Entry} message
   */
  answer(message) {
    if (this.#edits) this.#write('');
    this.#answers = message;
    this.#edits = null;
    this.#about();
    this.focus();
  }

  /**
   * Change the text of a message.
   * @param {Api.Entry} message
   */
  edit(message) {
    this.#answers = null;
    this.#edits = message;
    this.#write(message.text ?? '');
    this.#about();
    this.focus();
  }

  /** Move the focus to the text. */
  focus() {
    this.#text.focus();
  }

  get #place() {
    return `${this.#connection} ${this.#chat}`;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key === 'Escape' && (this.#answers || this.#edits)) {
      event.stopPropagation();
      this.#leave();
    }
    // While letters are put together (as in Japanese), Enter chooses one. On a phone it is a new line.
    const sends = event.key === 'Enter' && !event.shiftKey && !event.isComposing;
    if (!sends || !matchMedia('(pointer: fine)').matches) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #leave() {
    if (this.#edits) this.#write('');
    this.#answers = this.#edits = null;
    this.#about();
    this.focus();
  }

  async #submit() {
    const text = this.#text.value;
    if (this.#button.disabled) return;
    if (!text.trim()) {
      this.#refuse('text');
      this.focus();
      return;
    }
    const place = this.#place;
    this.#refuse(null);
    try {
      await working(this.#button, () => (this.#edits ? this.#sendEdit(this.#edits, text) : this.#send(text)));
      if (place === this.#place && text === this.#text.value) this.#done();
      else this.#drafts.delete(place);
      this.#changed();
    } catch (error) {
      if (place === this.#place) this.#refuse(errorKind(error, KINDS));
    }
  }

  /** @param {string} text */
  #send(text) {
    const [owner, connectionId] = this.#connection.split('/');
    const replyTo = this.#answers?.messageId;
    this.#key ||= randomKey();
    const body = { connectionId, to: this.#chat, message: text, replyTo };
    const headers = { 'Idempotency-Key': this.#key };
    return api(`api/whatsapp/send?${new URLSearchParams({ owner })}`, { method: 'POST', body, headers });
  }

  /**
   * @param {Api.Entry} message
   * @param {string} text
   */
  #sendEdit(message, text) {
    return api(`${pathOf(message)}/edit`, { method: 'POST', body: { message: text } });
  }

  #done() {
    this.#answers = this.#edits = null;
    this.#drafts.delete(this.#place);
    this.#write('');
    this.#about();
    this.focus();
  }

  /** @param {string} text */
  #write(text) {
    this.#text.value = text;
    this.#key = '';
    this.#refuse(null);
    this.#grow();
  }

  /** Say what is answered or changed. */
  #about() {
    const about = this.#edits ?? this.#answers;
    this.#key = '';
    one(this.#form, '[data-about]').hidden = !about;
    showOnly(this.#form, 'about-what', this.#edits ? 'edit' : 'reply');
    setText(one(this.#form, '[data-about-text]'), about ? said(about) : '');
  }

  #grow() {
    this.#text.style.blockSize = 'auto';
    this.#text.style.blockSize = `${Math.min(TALLEST_PX, this.#text.scrollHeight + 3)}px`;
  }

  /** @param {string | null} kind */
  #refuse(kind) {
    showOnly(this.#form, 'error', kind);
    this.#text.setAttribute('aria-invalid', String(kind === 'text'));
  }
}
