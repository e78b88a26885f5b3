// @ts-check
/** The view of messages: look for them, see what became of each, act, and send a test. */

import { byId, closest, one } from '../../shared/dom.js';
import { api } from '../api.js';
import { keepTrue } from '../live.js';
import { Detail } from './detail.js';
import { Filter } from './filter.js';
import { MessageList } from './list.js';
import { TestDialog } from './test_dialog.js';

const CONNECTIONS_KNOWN_FOR_MS = 30_000;

class MessagesView {
  #root = byId('messages');
  /** @type {Map<string, string>} */
  #names = new Map();
  #connectionsAskedAt = -Infinity;
  #filter;
  #list;
  #detail;
  #test;
  #refreshNow;

  constructor() {
    const { callingCode } = this.#root.dataset;
    /** @param {Api.Connection | Api.Message} each */
    const nameOf = (each) => this.#names.get(`${each.owner}/${each.connectionId}`) ?? each.connectionId;
    const changed = () => this.#refreshNow();
    const form = one(this.#root, '[data-filter]', HTMLFormElement);
    this.#filter = new Filter(form, callingCode, () => this.#restart());
    this.#list = new MessageList(this.#root, this.#filter, nameOf, (id) => this.#open(id));
    this.#detail = new Detail(nameOf, changed);
    this.#test = new TestDialog(callingCode, nameOf, changed);
    this.#listen();
    this.#refreshNow = keepTrue(() => this.#refresh(), { 'message.status': (data) => this.#apply(data) });
    this.#openNamed(new URLSearchParams(location.search));
  }

  #listen() {
    this.#root.addEventListener('click', (event) => {
      if (closest(event, '[data-test]')) this.#openTest();
      if (closest(event, '[data-clear]')) this.#filter.clear();
      if (closest(event, '[data-retry]')) this.#restart();
    });
  }

  /**
   * Show what an event tells; a dialog on the message asks for the message itself.
   * @param {Api.StatusEvent} data
   */
  #apply(data) {
    for (const dialog of [this.#detail, this.#test]) {
      // What cannot be had now is asked for again with everything else.
      if (dialog.isOpenOn(data.messageId)) dialog.refresh().catch(() => this.#refreshNow());
    }
    return this.#list.apply(data);
  }

  async #refresh() {
    await this.#readConnections();
    await Promise.all([this.#list.refresh(), this.#detail.refresh(), this.#test.refresh()]);
  }

  #restart() {
    this.#list.restart();
    this.#refreshNow();
  }

  /** @param {string} id */
  async #open(id) {
    // What cannot be opened now is told by the bar at the top.
    await this.#detail.open(id).catch(() => this.#refreshNow());
  }

  /** @param {string} [connection] */
  async #openTest(connection) {
    // States change: a test is sent from a connection that can send now.
    this.#connectionsAskedAt = -Infinity;
    await this.#readConnections().catch(() => {});
    this.#test.open(connection);
  }

  /**
   * Other views send people here: to one message, or to a test of one connection.
   * @param {URLSearchParams} params
   */
  async #openNamed(params) {
    const message = params.get('message');
    if (message) await this.#open(message);
    const test = params.get('test');
    if (test !== null) await this.#openTest(test);
  }

  async #readConnections() {
    if (performance.now() - this.#connectionsAskedAt < CONNECTIONS_KNOWN_FOR_MS) return;
    /** @type {Api.ConnectionList} */
    const { items } = await api('api/whatsapp/connections');
    this.#connectionsAskedAt = performance.now();
    const many = new Set(items.map((each) => each.name)).size < items.length;
    for (const each of items) {
      // Two connections of one name are told apart by their ids.
      const name = many ? `${each.name} (${each.connectionId})` : each.name;
      this.#names.set(`${each.owner}/${each.connectionId}`, name);
    }
    this.#filter.offer(items, (each) => this.#names.get(`${each.owner}/${each.connectionId}`) ?? each.connectionId);
    this.#test.offer(items);
  }
}

new MessagesView();
