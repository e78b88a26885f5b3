// @ts-check
/** The list of chats, the one with the newest message first, page by page, kept true. */

import { byId, closest, copyOf, one, setText, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { working } from '../dialog.js';
import { said } from '../said.js';
import { exactTime, momentTime, number, t } from '../texts.js';
import { showAvatar } from './avatar.js';
import { namesOf } from './names.js';
import { addressOf, queryOf } from './place.js';

const PAGE = 30;
const LARGEST = 100;
const COUNTED_AT_MOST = 100;
const TEMPLATE = byId('chat-row', HTMLTemplateElement);

export class ChatList {
  #root;
  #list;
  #connection = '';
  #open = '';
  /** @type {Api.Chat[]} */
  #chats = [];
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  /** @type {string | null} */
  #cursor = null;
  /** The subjects of groups, by chat: only WhatsApp knows them. @type {Map<string, string>} */
  #subjects = new Map();
  /** Counts what was looked for: answers to earlier questions come late. */
  #asked = 0;

  /**
   * @param {HTMLElement} root
   * @param {(chat: string) => void} open
   */
  constructor(root, open) {
    this.#root = root;
    this.#list = one(root, '[data-chats]');
    this.#list.addEventListener('click', (event) => {
      const chat = closest(event, 'a')?.dataset.chat;
      // With a key held, a link opens in another tab as everywhere.
      if (!chat || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(chat);
    });
    const more = one(root, '[data-more]', HTMLButtonElement);
    more.addEventListener('click', () => working(more, () => this.#showMore()).catch(() => {}));
  }

  /**
   * Show the chats of a connection from now on.
   * @param {string} connection
   */
  choose(connection) {
    if (connection === this.#connection) return;
    this.#connection = connection;
    this.#asked += 1;
    this.#chats = [];
    this.#cursor = null;
    this.#shows('loading');
  }

  /**
   * Mark the chat that is open.
   * @param {string} chat
   */
  mark(chat) {
    this.#open = chat;
    for (const [id, row] of this.#rows) markRow(row, id === chat);
  }

  /**
   * What is known of a chat.
   * @param {string} chat
   */
  find(chat) {
    return this.#chats.find((each) => each.chatId === chat) ?? null;
  }

  /**
   * What a chat is called, where that is known.
   * @param {string} chat
   */
  nameOf(chat) {
    return this.#subjects.get(chat) ?? this.find(chat)?.name ?? '';
  }

  /** Whether a group is listed whose subject is not known. */
  get hasUnnamedGroup() {
    return this.#chats.some(({ chatId }) => chatId.endsWith('@g.us') && !this.#subjects.has(chatId));
  }

  /**
   * Call groups by their subjects.
   * @param {Api.Group[]} groups
   */
  nameGroups(groups) {
    for (const { chatId, subject } of groups) this.#subjects.set(chatId, subject ?? '');
    this.#show();
  }

  /**
   * Show that a chat has been read.
   * @param {string} chat
   */
  setRead(chat) {
    this.#chats = this.#chats.map((each) => (each.chatId === chat ? { ...each, unread: 0 } : each));
    this.#show();
  }

  /** Ask anew for what is shown. Throws when the API does not answer. */
  async refresh() {
    if (!this.#connection) return;
    const asked = this.#asked;
    const limit = Math.min(LARGEST, Math.max(PAGE, this.#chats.length));
    try {
      const { items, cursor } = await this.#page({ limit: String(limit) });
      if (asked !== this.#asked) return;
      const shown = new Set(items.map((each) => each.chatId));
      const behind = cursor ? this.#chats.slice(limit).filter((each) => !shown.has(each.chatId)) : [];
      this.#chats = [...items, ...behind];
      if (!behind.length) this.#cursor = cursor ?? null;
      this.#show();
    } catch (error) {
      if (asked === this.#asked && !this.#chats.length) this.#shows('error');
      throw error;
    }
  }

  async #showMore() {
    const asked = this.#asked;
    const { items, cursor } = await this.#page({ limit: String(PAGE), cursor: this.#cursor ?? '' });
    if (asked !== this.#asked) return;
    const shown = new Set(this.#chats.map((each) => each.chatId));
    this.#chats.push(...items.filter((each) => !shown.has(each.chatId)));
    this.#cursor = cursor ?? null;
    this.#show();
  }

  #show() {
    const wanted = new Set(this.#chats.map((each) => each.chatId));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    let place = this.#list.firstElementChild;
    for (const chat of this.#chats) {
      const row = this.#rowOf(chat);
      if (row === place) place = row.nextElementSibling;
      else this.#list.insertBefore(row, place);
    }
    one(this.#root, '[data-more]').hidden = !this.#cursor;
    this.#shows(this.#chats.length || this.#cursor ? 'list' : 'empty');
  }

  /** @param {Api.Chat} chat */
  #rowOf(chat) {
    const row = this.#rows.get(chat.chatId) ?? copyOf(TEMPLATE);
    this.#rows.set(chat.chatId, row);
    const name = this.nameOf(chat.chatId);
    const seen = JSON.stringify([chat, name, this.#connection]);
    if (row.dataset.seen !== seen) {
      row.dataset.seen = seen;
      writeRow(row, chat, name, addressOf({ connection: this.#connection, chat: chat.chatId }));
    }
    markRow(row, chat.chatId === this.#open);
    return row;
  }

  /** @param {string} what */
  #shows(what) {
    showOnly(this.#root, 'list-when', what);
  }

  /**
   * @param {Record<string, string>} more
   * @returns {Promise<Api.ChatList>}
   */
  #page(more) {
    const query = queryOf(this.#connection);
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return api(`api/whatsapp/chats?${query}`);
  }
}

/**
 * @param {HTMLElement} row
 * @param {Api.Chat} chat
 * @param {string} name
 * @param {string} address
 */
function writeRow(row, chat, name, address) {
  const link = one(row, 'a', HTMLAnchorElement);
  link.href = address;
  link.dataset.chat = chat.chatId;
  const { title } = namesOf(chat.chatId, name);
  setText(one(row, '[data-title]'), title);
  showAvatar(one(row, '[data-avatar]'), name);
  const last = chat.lastMessage;
  one(row, '[data-ours]').hidden = last.direction === 'in';
  setText(one(row, '[data-said]'), said(last) || t('dashboard.said.unreadable'));
  const time = one(row, 'time', HTMLTimeElement);
  const at = new Date(chat.lastAt);
  time.dateTime = chat.lastAt;
  time.title = exactTime(at);
  setText(time, momentTime(at));
  const badge = one(row, '[data-unread]');
  badge.hidden = chat.unread === 0;
  row.toggleAttribute('data-has-unread', chat.unread > 0);
  const many = chat.unread >= COUNTED_AT_MOST;
  setText(one(badge, '[data-count]'), many ? `${number(COUNTED_AT_MOST - 1)}+` : number(chat.unread));
}

/**
 * @param {HTMLElement} row
 * @param {boolean} open
 */
function markRow(row, open) {
  const link = one(row, 'a');
  if (open) link.setAttribute('aria-current', 'true');
  else link.removeAttribute('aria-current');
}
