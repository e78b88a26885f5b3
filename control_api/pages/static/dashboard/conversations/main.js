// @ts-check
/** The view of conversations: the chats of a connection, and one of them in both directions. */

import { byId, closest, one, setText } from '../../shared/dom.js';
import { api } from '../api.js';
import { sends } from '../connections/meaning.js';
import { keepTrue } from '../live.js';
import { typedRecipient } from '../recipient.js';
import { showAvatar } from './avatar.js';
import { ChatList } from './chat_list.js';
import { Composer } from './composer.js';
import { Deeds } from './deeds.js';
import { namesOf } from './names.js';
import { NewChat } from './new_chat.js';
import { addressOf, queryOf, readPlace } from './place.js';
import { Thread } from './thread.js';

/** @import { Open } from './place.js' */

const ANSWER_WITHIN_MS = 10_000;
const CONNECTIONS_KNOWN_FOR_MS = 30_000;
const GROUPS_EVERY_MS = 5 * 60_000;
const TELL_ALL = ['message.received', 'message.edited', 'message.revoked', 'message.reaction', 'message.media', 'poll.vote'];

class ConversationsView {
  #root = byId('conversations');
  #select = one(this.#root, '[data-connection]', HTMLSelectElement);
  #title = one(this.#root, '[data-thread-title]');
  /** @type {Api.Connection[]} */
  #connections = [];
  #connectionsAskedAt = -Infinity;
  #groupsAskedAt = -Infinity;
  /** @type {Open} */
  #open = readPlace();
  #list;
  #thread;
  #composer;
  #newChat;
  #refreshNow;
  /** @type {Open | null} The chat of which WhatsApp is being told that it was read. */
  #reading = null;
  #refreshedMeanwhile = false;

  constructor() {
    const changed = () => this.#refreshNow();
    this.#list = new ChatList(this.#root, (chat) => this.#go(chat));
    this.#thread = new Thread(one(this.#root, '[data-thread]'));
    this.#composer = new Composer(one(this.#root, '[data-composer]', HTMLFormElement), changed);
    const { callingCode } = this.#root.dataset;
    this.#newChat = new NewChat((text) => typedRecipient(text, callingCode), (chat) => this.#go(chat));
    const deeds = new Deeds(changed);
    this.#listen(deeds);
    this.#show();
    this.#refreshNow = keepTrue(() => this.#refresh(), {
      'message.status': (data) => this.#apply(data),
      'connection.state': () => this.#forgetConnections(),
      ...Object.fromEntries(TELL_ALL.map((name) => [name, () => false])),
    });
  }

  /** @param {Deeds} deeds */
  #listen(deeds) {
    addEventListener('popstate', () => {
      this.#open = readPlace();
      this.#show();
      this.#refreshNow();
    });
    document.addEventListener('visibilitychange', () => this.#read());
    this.#select.addEventListener('change', () => this.#enter({ connection: this.#select.value, chat: '' }));
    this.#root.addEventListener('click', (event) => {
      if (closest(event, '[data-retry]')) this.#refreshNow();
      if (closest(event, '[data-new-chat]')) this.#newChat.ask();
      if (closest(event, '[data-back]')) this.#leave();
      const message = this.#thread.messageAt(event);
      const button = closest(event, '[data-do]');
      const bubble = message && this.#thread.bubbleOf(message.messageId);
      if (!(button instanceof HTMLButtonElement) || !message || !bubble) return;
      if (button.dataset.do === 'reply') this.#composer.answer(message);
      else if (button.dataset.do === 'edit') this.#composer.edit(message);
      else deeds.act(button, message, bubble);
    });
  }

  /** @param {string} chat */
  #go(chat) {
    this.#enter({ connection: this.#open.connection, chat });
    // A keyboard on the screen of a phone would hide what is to be read.
    if (matchMedia('(pointer: fine)').matches) this.#composer.focus();
    else this.#title.focus();
  }

  #leave() {
    const { connection, chat } = this.#open;
    this.#enter({ connection, chat: '' });
    this.#root.querySelector(`[data-chats] a[data-chat="${CSS.escape(chat)}"]`)?.scrollIntoView({ block: 'nearest' });
    /** @type {HTMLElement | null} */ (
      this.#root.querySelector(`[data-chats] a[data-chat="${CSS.escape(chat)}"]`)
    )?.focus();
  }

  /** @param {Open} open */
  #enter(open) {
    if (open.connection !== this.#open.connection) this.#groupsAskedAt = -Infinity;
    this.#open = open;
    history.pushState(null, '', addressOf(open));
    this.#show();
    this.#refreshNow();
  }

  #show() {
    const { connection, chat } = this.#open;
    this.#root.toggleAttribute('data-in-chat', Boolean(chat));
    one(this.#root, '[data-none]').hidden = Boolean(chat);
    one(this.#root, '[data-thread]').hidden = !chat;
    this.#list.choose(connection);
    this.#list.mark(chat);
    this.#thread.open(connection, chat);
    this.#composer.open(connection, chat);
    this.#showHead();
  }

  /** Show who the conversation is with, and whether messages go out. */
  #showHead() {
    const { connection, chat } = this.#open;
    if (!chat) return;
    const name = this.#list.nameOf(chat);
    const { title, below } = namesOf(chat, name);
    setText(one(this.#title, 'bdi'), title);
    setText(one(this.#root, '[data-thread-below]'), below);
    showAvatar(one(this.#root, '[data-thread-avatar]'), name);
    const chosen = this.#connections.find((each) => keyOf(each) === connection);
    one(this.#root, '[data-warning]').hidden = !chosen || sends(chosen);
  }

  /** @param {Api.StatusEvent} data */
  #apply(data) {
    if (`${data.owner}/${data.connectionId}` !== this.#open.connection) return true;
    const shown = this.#thread.apply(data);
    // Where it is the newest message of a chat, the list is the same but for its status.
    return shown && data.status !== 'queued' && data.status !== 'sending';
  }

  async #refresh() {
    await this.#readConnections();
    await Promise.all([this.#list.refresh(), this.#thread.refresh()]);
    if (this.#reading?.connection === this.#open.connection) {
      // The list may have been asked for before it was noted that this chat was read.
      this.#list.setRead(this.#reading.chat);
      this.#refreshedMeanwhile = true;
    }
    this.#showHead();
    // The page of WhatsApp may take its time.
    this.#read();
    this.#nameGroups();
  }

  /** Ask WhatsApp what groups are called, now and then, while there is one whose name is not known. */
  async #nameGroups() {
    const { connection } = this.#open;
    const chosen = this.#connections.find((each) => keyOf(each) === connection);
    const asked = performance.now() - this.#groupsAskedAt < GROUPS_EVERY_MS;
    if (asked || !this.#list.hasUnnamedGroup || !chosen || !sends(chosen)) return;
    this.#groupsAskedAt = performance.now();
    try {
      /** @type {Api.GroupList} */
      const { items } = await api(`api/whatsapp/groups?${queryOf(connection)}`, { within: ANSWER_WITHIN_MS });
      this.#list.nameGroups(items);
      this.#showHead();
    } catch {
      // They are called groups until it answers.
    }
  }

  /** Tell WhatsApp that what is on the screen was read: one chat at a time, since it may be slow. */
  async #read() {
    const { connection, chat } = this.#open;
    const known = chat && this.#list.find(chat);
    const chosen = this.#connections.find((each) => keyOf(each) === connection);
    if (this.#reading || document.hidden || !known || !known.unread) return;
    if (!chosen || !sends(chosen)) return;
    this.#reading = this.#open;
    this.#refreshedMeanwhile = false;
    this.#list.setRead(chat);
    const path = `api/whatsapp/chats/${encodeURIComponent(chat)}/read?${queryOf(connection)}`;
    try {
      await api(path, { method: 'POST', within: ANSWER_WITHIN_MS });
      // What came meanwhile was shown as read, and is not.
      if (this.#refreshedMeanwhile) this.#refreshNow();
    } catch {
      // What was not noted is unread again after the next refresh.
    } finally {
      this.#reading = null;
    }
    if (connection !== this.#open.connection || chat !== this.#open.chat) this.#read();
  }

  /** Ask anew for the connections with the next refresh. */
  #forgetConnections() {
    this.#connectionsAskedAt = -Infinity;
    return false;
  }

  async #readConnections() {
    if (performance.now() - this.#connectionsAskedAt < CONNECTIONS_KNOWN_FOR_MS) return;
    /** @type {Api.ConnectionList} */
    const { items } = await api('api/whatsapp/connections');
    this.#connectionsAskedAt = performance.now();
    this.#connections = items;
    const many = new Set(items.map((each) => each.name)).size < items.length;
    const label = (/** @type {Api.Connection} */ each) => (many ? `${each.name} (${each.connectionId})` : each.name);
    const options = items.map((each) => new Option(label(each), keyOf(each)));
    const same = [...this.#select.options].map((each) => `${each.value} ${each.text}`).join()
      === options.map((each) => `${each.value} ${each.text}`).join();
    if (!same) this.#select.replaceChildren(...options);
    one(this.#root, '[data-choose]').hidden = items.length < 2;
    one(this.#root, '[data-no-connection]').hidden = items.length > 0;
    one(this.#root, '[data-panes]').hidden = items.length === 0;
    if (!items.some((each) => keyOf(each) === this.#open.connection)) this.#chooseFirst(items);
    this.#select.value = this.#open.connection;
  }

  /** @param {Api.Connection[]} items */
  #chooseFirst(items) {
    const first = items.find(sends) ?? items[0];
    this.#open = { connection: first ? keyOf(first) : '', chat: first && !this.#open.connection ? this.#open.chat : '' };
    history.replaceState(null, '', addressOf(this.#open));
    this.#show();
  }
}

/** @param {Api.Connection} connection */
const keyOf = ({ owner, connectionId }) => `${owner}/${connectionId}`;

new ConversationsView();
