// @ts-check
/** The conversation with a customer, over one of the connections. */

import { sends } from '../../dashboard/connections/meaning.js';
import { showAvatar } from '../../dashboard/conversations/avatar.js';
import { Composer } from '../../dashboard/conversations/composer.js';
import { Deeds } from '../../dashboard/conversations/deeds.js';
import { Thread } from '../../dashboard/conversations/thread.js';
import { readableRecipient } from '../../dashboard/recipient.js';
import { closest, one, setText } from '../../shared/dom.js';

/** The part of the page that shows it. */
export class Conversation {
  #root;
  #select;
  #thread;
  #composer;
  /** @type {Api.Connection[]} */
  #connections = [];
  #chat = '';

  /**
   * @param {HTMLElement} root
   * @param {() => void} changed Called after something was done.
   */
  constructor(root, changed) {
    this.#root = root;
    this.#select = one(root, '[data-connection]', HTMLSelectElement);
    this.#thread = new Thread(one(root, '[data-thread]'));
    this.#composer = new Composer(one(root, '[data-composer]', HTMLFormElement), changed);
    const deeds = new Deeds(changed);
    this.#select.addEventListener('change', () => {
      this.#open();
      changed();
    });
    root.addEventListener('click', (event) => {
      if (closest(event, '[data-retry]')) changed();
      const message = this.#thread.messageAt(event);
      const button = closest(event, '[data-do]');
      const bubble = message && this.#thread.bubbleOf(message.messageId);
      if (!(button instanceof HTMLButtonElement) || !message || !bubble) return;
      if (button.dataset.do === 'reply') this.#composer.answer(message);
      else if (button.dataset.do === 'edit') this.#composer.edit(message);
      else deeds.act(button, message, bubble);
    });
  }

  /**
   * Show the conversation with a customer, and ask for it anew.
   * @param {Api.Customer} customer
   * @param {Api.Connection[]} connections Those that the customer's owner has.
   * @param {string | undefined} usual The id of the one that serves the customer, if any does.
   */
  async refresh(customer, connections, usual) {
    this.#offer(connections, usual);
    this.#chat = `${customer.phone.slice(1)}@c.us`;
    one(this.#root, '[data-unconnected]').hidden = connections.length > 0;
    one(this.#root, '[data-thread]').hidden = connections.length === 0;
    setText(one(this.#root, '[data-thread-title] bdi'), customer.name || readableRecipient(this.#chat));
    setText(one(this.#root, '[data-thread-below]'), customer.name ? readableRecipient(this.#chat) : '');
    showAvatar(one(this.#root, '[data-thread-avatar]'), customer.name);
    if (!connections.length) return;
    this.#open();
    await this.#thread.refresh();
  }

  /**
   * Show what an event tells of a message; false where all has to be asked for.
   * @param {Api.StatusEvent} data
   */
  apply(data) {
    const isOurs = data.to === this.#chat || data.chatId === this.#chat;
    if (isOurs) this.#thread.apply(data);
    return !isOurs;
  }

  /**
   * @param {Api.Connection[]} connections
   * @param {string | undefined} usual
   */
  #offer(connections, usual) {
    const options = connections.map((each) => new Option(each.name, `${each.owner}/${each.connectionId}`));
    const same = options.map(({ value, text }) => value + text).join() === [...this.#select.options].map(({ value, text }) => value + text).join();
    this.#connections = connections;
    one(this.#root, '[data-choose]').hidden = connections.length < 2;
    if (same) return;
    const before = this.#select.value;
    this.#select.replaceChildren(...options);
    const first = connections.find(({ connectionId }) => connectionId === usual) ?? connections.find(sends) ?? connections[0];
    const kept = options.some(({ value }) => value === before);
    this.#select.value = kept ? before : first ? `${first.owner}/${first.connectionId}` : '';
  }

  #open() {
    const chosen = this.#connections.find((each) => `${each.owner}/${each.connectionId}` === this.#select.value);
    one(this.#root, '[data-warning]').hidden = !chosen || sends(chosen);
    this.#thread.open(this.#select.value, this.#chat);
    this.#composer.open(this.#select.value, this.#chat);
  }
}
