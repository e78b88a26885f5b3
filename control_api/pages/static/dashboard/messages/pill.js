// @ts-check
/** Show a status as a picture, a word and a colour. */

import { one, showOnly } from '../../shared/dom.js';
import { statusWord } from './words.js';

/**
 * Show a status in the part of the page that the template made for it.
 * @param {HTMLElement} pill
 * @param {Api.MessageStatus} status
 */
export function showStatus(pill, status) {
  if (pill.dataset.pill === status) return;
  pill.dataset.pill = status;
  showOnly(pill, 'picture', status);
  one(pill, '[data-word]').textContent = statusWord(status);
}
