/** The list of messages: what is looked for, page by page, kept true. */

import { Refusal } from '../../shared/request.js';
import { showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { working } from '../dialog.js';
import { Rows } from './rows.js';

const PAGE = 50;
const LARGEST = 200;

export class MessageList {
  #root;
  #filter;
  #rows;
  #nameOf;
  #items = [];
  #cursor = null;
  /** Counts what was looked for: answers to earlier questions come late. */
  #asked = 0;

  constructor(root, filter, nameOf, open) {
    this.#root = root;
    this.#filter = filter;
    this.#nameOf = nameOf;
    this.#rows = new Rows(root.querySelector('[data-rows]'), open);
    const older = root.querySelector('[data-older]');
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
      const page = await this.#page({ limit });
      if (asked === this.#asked) this.#took(page);
    } catch (error) {
      if (asked === this.#asked) this.#failed(error);
      throw error;
    }
  }

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
    const { items, cursor } = await this.#page({ limit: PAGE, cursor: this.#cursor });
    if (asked !== this.#asked) return;
    this.#items.push(...items);
    this.#cursor = cursor ?? null;
    this.#show();
  }

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
    this.#root.querySelector('[data-older]').hidden = !this.#cursor;
    this.#root.querySelector('[data-end]').hidden = Boolean(this.#cursor);
    if (this.#items.length) this.#shows('list');
    else this.#shows(this.#filter.narrows ? 'nothing' : 'empty');
  }

  #shows(what) {
    this.#root.dataset.shows = what ?? '';
    showOnly(this.#root, 'when', what);
  }

  #page(more) {
    const query = this.#filter.query;
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return api(`api/whatsapp/messages?${query}`);
  }
}
