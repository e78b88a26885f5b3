/** Show a status as a picture, a word and a colour. */

import { showOnly } from '../../shared/dom.js';
import { statusWord } from './words.js';

/** Show a status in the part of the page that the template made for it. */
export function showStatus(pill, status) {
  if (pill.dataset.pill === status) return;
  pill.dataset.pill = status;
  showOnly(pill, 'picture', status);
  pill.querySelector('[data-word]').textContent = statusWord(status);
}
