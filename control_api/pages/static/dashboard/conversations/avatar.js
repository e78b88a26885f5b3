// @ts-check
/** The circle beside a name: its first letter, or a picture where there is no name. */

import { one } from '../../shared/dom.js';

const LETTER = /[\p{L}\p{N}]/u;

/**
 * Show the first letter of a name in a circle; without one, the picture that the template has.
 * @param {HTMLElement} avatar
 * @param {string} name
 */
export function showAvatar(avatar, name) {
  const letter = [...name].find((each) => LETTER.test(each)) ?? '';
  one(avatar, '[data-letter]').textContent = letter.toUpperCase();
  one(avatar, '[data-person]').hidden = Boolean(letter);
}
