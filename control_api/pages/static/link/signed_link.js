// @ts-check
/** A signed link: what its page asks the server, and the token that lets it. */

import { ask } from '../shared/request.js';

/** @import { Options } from '../shared/request.js' */

export class SignedLink {
  #base;
  #token;

  /**
   * `address` is that of the link; the requests go below `base`, where that is another.
   * @param {string} address
   * @param {string} [base]
   */
  constructor(address, base = new URL(address).pathname.replace(/\/$/, '')) {
    this.#base = base;
    this.#token = new URL(address).hash.slice(1);
  }

  /**
   * Return the JSON of an answer; `query` is an object of parameters.
   * The token goes in a header: an address would be written into logs. Throws what `ask` throws.
   * @param {string} what
   * @param {Options & {query?: Record<string, string>}} [options]
   * @returns {Promise<any>}
   */
  ask(what, { query = {}, ...options } = {}) {
    const parameters = new URLSearchParams(query);
    const url = `${this.#base}/${what}${parameters.size ? `?${parameters}` : ''}`;
    return ask(url, { ...options, headers: { 'X-Link-Token': this.#token } });
  }
}
