// @ts-check
/** The list of messages: what is looked for, page by page, kept true. */

import { Refusal } from '../../shared/request.js';
import { one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { working } from '../dialog.js';
import { afterEvent } from './after_event.js';
import { Rows } from './rows.js';

/** @import { Filter } from './filter.js' */

const PAGE = 50;
const LARGEST = 200;

export class MessageList {
  #root;
  #filter;
  #rows;
  #nameOf;
  /** @type {Api.Message[]} */
  #items = [];
  /** @type {string | null} */
  #cursor = null;
  /** Counts what was looked for: answers to earlier questions come late. */
  #asked = 0;

  /**
   * @param {HTMLElement} root
   * @param {Filter} filter
   * @param {(message: Api.Message) => string} nameOf
   * @param {(id: string) => void} open
   */
  constructor(root, filter, nameOf, open) {
    this.#root = root;
    this.#filter = filter;
    this.#nameOf = nameOf;
    this.#rows = new Rows(one(root, '[data-rows]'), open);
    const older = one(root, '[data-older]', HTMLButtonElement);
    older.addEventListener('click', () => working(older, () => this.#showOlder()).catch(() => {}));
  }

  /** Forget what is shown, since something else is looked for. */
  restart() {
    this.#asked += 1;
    this.#items = [];
    this.#shows('loading');
  }

  /** Ask anew for what is shown. Throws when the API does not answer. */
  async refresh() {
    const asked = this.#asked;
    const limit = Math.min(LARGEST, Math.max(PAGE, Math.ceil(this.#items.length / PAGE) * PAGE));
    try {
      const page = await this.#page({ limit: String(limit) });
      if (asked === this.#asked) this.#took(page);
    } catch (error) {
      if (asked === this.#asked) this.#failed(error);
      throw error;
    }
  }

  /**
   * Show what an event tells of a message. Return false where the event does not tell enough: of a
   * message that may have to be shown, or of one that waits for a reason.
   * @param {Api.StatusEvent} data
   */
  apply(data) {
    const known = this.#items.find((each) => each.messageId === data.messageId);
    if (!known) return this.#isOlder(data.messageId);
    const after = afterEvent(known, data);
    if (!after) return false;
    this.#items = this.#items.flatMap((each) => (each === known ? this.#wanted(after) : [each]));
    this.#show();
    return true;
  }

  /**
   * Ids rise with the time: a message older than all that is shown is behind the button for more.
   * @param {string} id
   */
  #isOlder(id) {
    const oldest = this.#items.at(-1);
    return Boolean(this.#cursor && oldest && id < oldest.messageId);
  }

  /** @param {Api.Message} message */
  #wanted(message) {
    return this.#filter.takes(message.status) ? [message] : [];
  }

  /** @param {Api.MessageList} page */
  #took({ items, cursor }) {
    this.#filter.refuseNumber(false);
    const oldest = items.at(-1)?.messageId ?? '';
    const older = cursor ? this.#items.filter((each) => each.messageId < oldest) : [];
    this.#items = [...items, ...older];
    if (!older.length) this.#cursor = cursor ?? null;
    this.#show();
  }

  async #showOlder() {
    const asked = this.#asked;
    const { items, cursor } = await this.#page({ limit: String(PAGE), cursor: this.#cursor ?? '' });
    if (asked !== this.#asked) return;
    this.#items.push(...items);
    this.#cursor = cursor ?? null;
    this.#show();
  }

  /** @param {unknown} error */
  #failed(error) {
    if (error instanceof Refusal && error.status === 422) {
      this.#filter.refuseNumber(true);
      this.#items = [];
      this.#shows(null);
    } else if (!this.#items.length) {
      this.#shows('error');
    }
  }

  #show() {
    this.#rows.show(this.#items, this.#nameOf);
    one(this.#root, '[data-older]').hidden = !this.#cursor;
    one(this.#root, '[data-end]').hidden = Boolean(this.#cursor);
    if (this.#items.length) this.#shows('list');
    else this.#shows(this.#filter.narrows ? 'nothing' : 'empty');
  }

  /** @param {string | null} what */
  #shows(what) {
    this.#root.dataset.shows = what ?? '';
    showOnly(this.#root, 'when', what);
  }

  /**
   * @param {Record<string, string>} more
   * @returns {Promise<Api.MessageList>}
   */
  #page(more) {
    const query = this.#filter.query;
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return api(`api/whatsapp/messages?${query}`);
  }
}
