// @ts-check
/** Say shortly that something was done, to eyes and to screen readers. */

import { byId } from '../shared/dom.js';

const SHOWN_FOR_MS = 5_000;

/**
 * Show a sentence for some seconds.
 * @param {string} text
 */
export function toast(text) {
  const said = document.createElement('p');
  said.className = 'toast';
  said.textContent = text;
  byId('toasts').append(said);
  setTimeout(() => said.remove(), SHOWN_FOR_MS);
}
