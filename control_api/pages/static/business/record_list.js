// @ts-check
/** A list of what the API holds: kept true, page by page; what is the same is left alone. */

import { api } from '../dashboard/api.js';
import { one, showOnly } from '../shared/dom.js';
import { showRecords } from './keyed_list.js';

const PAGE = 50;

/**
 * What the list needs to know.
 * @template {{ id: string }} T
 * @typedef {object} Kind
 * @property {() => string} path The address, with the query that narrows it down, if any.
 * @property {() => boolean} [isNarrowed] Whether a query narrows it down.
 * @property {(record: T) => HTMLElement} item Makes the element of a record.
 * @property {(record: T) => unknown} [seen] All that the element shows; the record, unless told.
 */

/**
 * The list, in the places that the template `record_list` makes.
 * @template {{ id: string }} T
 */
export class RecordList {
  #root;
  #kind;
  #list;
  #further;
  /** @type {T[]} */
  #records = [];
  /** @type {string | null} */
  #cursor = null;
  #pages = 1;
  #path = '';

  /**
   * @param {HTMLElement} root
   * @param {Kind<T>} kind
   */
  constructor(root, kind) {
    this.#root = root;
    this.#kind = kind;
    this.#list = one(root, '[data-records]');
    this.#further = one(root, '[data-further]', HTMLButtonElement);
  }

  /** Call when somebody wants to see further records. */
  get further() {
    return this.#further;
  }

  /** Show one page more with the next refresh. */
  extend() {
    this.#pages += 1;
  }

  /**
   * The record with an id, if it is shown.
   * @param {string | undefined} id
   */
  find(id) {
    return this.#records.find((each) => each.id === id);
  }

  /** The records that are shown. */
  get records() {
    return this.#records;
  }

  /** Ask for all that is shown; throws what asking throws. */
  async refresh() {
    const path = this.#kind.path();
    if (path !== this.#path) this.#pages = 1;
    this.#path = path;
    try {
      const found = await pagesOf(path, this.#pages);
      // Meanwhile something else may be looked for.
      if (path !== this.#kind.path()) return;
      [this.#records, this.#cursor] = found;
    } catch (error) {
      if (!this.#records.length) showOnly(this.#root, 'when', 'error');
      throw error;
    }
    this.#show();
  }

  #show() {
    showRecords(this.#list, this.#records, this.#kind.item, this.#kind.seen);
    this.#further.hidden = !this.#cursor;
    const without = this.#kind.isNarrowed?.() ? 'unmatched' : 'empty';
    showOnly(this.#root, 'when', this.#records.length ? 'list' : without);
  }
}

/**
 * Return the first pages of a list as one, and the cursor behind them.
 * @param {string} path
 * @param {number} pages
 * @returns {Promise<[any[], string | null]>}
 */
export async function pagesOf(path, pages) {
  const records = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor ? { cursor } : {}) });
    const found = await api(`${path}${path.includes('?') ? '&' : '?'}${query}`);
    records.push(...found.items);
    cursor = found.cursor ?? null;
    if (!cursor) break;
  }
  return [records, cursor];
}
