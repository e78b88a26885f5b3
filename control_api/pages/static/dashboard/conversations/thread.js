// @ts-check
/** One conversation: both directions by time, page by page, kept true; new messages are announced. */

import { arrange } from '../../shared/arrange.js';
import { closest, one, setText, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { working } from '../dialog.js';
import { afterEvent } from '../messages/after_event.js';
import { said } from '../said.js';
import { dayOf, t } from '../texts.js';
import { Bubble, timeOf } from './bubble.js';
import { senderOf } from './names.js';
import { queryOf } from './place.js';

const PAGE = 50;
const LARGEST = 200;
const NEAR_PX = 120;
const ANNOUNCED_AT_MOST = 200;

export class Thread {
  #root;
  #list;
  #scroller;
  #live;
  #connection = '';
  #chat = '';
  /** @type {Api.Entry[]} Newest first, as the API has them. */
  #items = [];
  /** @type {Map<string, Bubble>} */
  #bubbles = new Map();
  /** @type {string | null} */
  #cursor = null;
  #asked = 0;
  #loaded = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#list = one(root, '[data-bubbles]');
    this.#scroller = one(root, '[data-scroller]');
    this.#live = one(root, '[data-live]');
    const older = one(root, '[data-older]', HTMLButtonElement);
    older.addEventListener('click', () => working(older, () => this.#showOlder()).catch(() => {}));
    one(root, '[data-newest]').addEventListener('click', () => this.#toEnd());
    this.#scroller.addEventListener('scroll', () => this.#isAtEnd() && this.#offerEnd(false));
  }

  /** The chat that is open, as it was asked for; '' for none. */
  get chat() {
    return this.#chat;
  }

  /**
   * Show another conversation from now on.
   * @param {string} connection
   * @param {string} chat
   */
  open(connection, chat) {
    if (connection === this.#connection && chat === this.#chat) return;
    this.#connection = connection;
    this.#chat = chat;
    this.#asked += 1;
    this.#items = [];
    this.#cursor = null;
    this.#loaded = false;
    this.#bubbles.clear();
    this.#list.replaceChildren();
    this.#live.textContent = '';
    this.#shows('loading');
  }

  /**
   * The message that a click is about.
   * @param {Event} event
   */
  messageAt(event) {
    const id = closest(event, '[data-id]')?.dataset.id;
    return this.#items.find((each) => each.messageId === id) ?? null;
  }

  /**
   * The bubble of a message, if it is shown.
   * @param {string} id
   */
  bubbleOf(id) {
    return this.#bubbles.get(id)?.element ?? null;
  }

  /** Ask anew for what is shown. Throws when the API does not answer. */
  async refresh() {
    if (!this.#chat) return;
    const asked = this.#asked;
    const limit = Math.min(LARGEST, Math.max(PAGE, this.#items.length));
    try {
      const { items, cursor } = await this.#page({ limit: String(limit) });
      if (asked !== this.#asked) return;
      const before = this.#loaded ? new Set(this.#items.map((each) => each.messageId)) : null;
      const shown = new Set(items.map((each) => each.messageId));
      const older = cursor ? this.#items.slice(limit).filter((each) => !shown.has(each.messageId)) : [];
      this.#items = [...items, ...older];
      if (!older.length) this.#cursor = cursor ?? null;
      this.#took(before);
    } catch (error) {
      if (asked === this.#asked && !this.#loaded) this.#shows('error');
      throw error;
    }
  }

  /**
   * Show what an event tells of a message that we send; false where it does not tell enough.
   * @param {Api.StatusEvent} data
   */
  apply(data) {
    const known = this.#items.find((each) => each.messageId === data.messageId);
    if (!known || known.direction !== 'out') return false;
    const after = afterEvent(known, data);
    if (!after) return false;
    this.#items = this.#items.map((each) => (each === known ? after : each));
    this.#show();
    return true;
  }

  /** @param {Set<string> | null} before The messages that were shown; null at first. */
  #took(before) {
    const follows = !this.#loaded || this.#isAtEnd();
    const fresh = before ? this.#items.filter((each) => !before.has(each.messageId)) : [];
    this.#loaded = true;
    this.#show();
    const arrived = fresh.filter((each) => each.direction === 'in');
    if (follows) this.#toEnd();
    else if (fresh.length) this.#offerEnd(true);
    if (arrived.length) this.#announce(arrived);
  }

  async #showOlder() {
    const asked = this.#asked;
    const { items, cursor } = await this.#page({ limit: String(PAGE), cursor: this.#cursor ?? '' });
    if (asked !== this.#asked) return;
    const shown = new Set(this.#items.map((each) => each.messageId));
    this.#items.push(...items.filter((each) => !shown.has(each.messageId)));
    this.#cursor = cursor ?? null;
    const fromEnd = this.#scroller.scrollHeight - this.#scroller.scrollTop;
    this.#show();
    // What was read stays where it is.
    this.#scroller.scrollTop = this.#scroller.scrollHeight - fromEnd;
  }

  #show() {
    const byId = new Map(this.#items.map((each) => [each.messageId, each]));
    for (const id of [...this.#bubbles.keys()]) {
      if (!byId.has(id)) this.#bubbles.delete(id);
    }
    const inGroup = this.#chat.endsWith('@g.us');
    /** @type {HTMLElement[]} */
    const wanted = [];
    let day = '';
    for (const message of [...this.#items].reverse()) {
      const today = dayOf(timeOf(message));
      if (today !== day) wanted.push(this.#dayMark(today));
      day = today;
      const bubble = this.#bubbles.get(message.messageId) ?? new Bubble();
      this.#bubbles.set(message.messageId, bubble);
      bubble.show(message, byId.get(message.replyTo ?? '') ?? null, inGroup);
      wanted.push(bubble.element);
    }
    arrange(this.#list, wanted);
    one(this.#root, '[data-older]').hidden = !this.#cursor;
    this.#shows(this.#items.length ? 'list' : 'empty');
  }

  /** @param {string} day */
  #dayMark(day) {
    const known = [...this.#list.children].find((each) => each.getAttribute('data-day') === day);
    if (known instanceof HTMLElement) return known;
    const mark = document.createElement('li');
    mark.className = 'day';
    mark.dataset.day = day;
    mark.textContent = day;
    return mark;
  }

  /** @param {Api.Entry[]} arrived Newest first. */
  #announce(arrived) {
    const [newest] = arrived;
    if (newest.direction !== 'in') return;
    const text = [...said(newest)].slice(0, ANNOUNCED_AT_MOST).join('');
    setText(this.#live, arrived.length === 1
      ? t('conversations.announce', { name: senderOf(newest), text })
      : t('conversations.announce_many', { n: arrived.length }));
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#offerEnd(false);
  }

  /** @param {boolean} offered */
  #offerEnd(offered) {
    one(this.#root, '[data-newest]').hidden = !offered;
  }

  /** @param {string} what */
  #shows(what) {
    showOnly(this.#root, 'thread-when', what);
  }

  /**
   * @param {Record<string, string>} more
   * @returns {Promise<Api.ConversationPage>}
   */
  #page(more) {
    const query = queryOf(this.#connection);
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return api(`api/whatsapp/chats/${encodeURIComponent(this.#chat)}/messages?${query}`);
  }
}
