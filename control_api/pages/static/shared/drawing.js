// @ts-check
/** What charts are made of: elements of a picture, round numbers for a scale, and keys to read them. */

const NAMESPACE = 'http://www.w3.org/2000/svg';
/**
 * Which point a key leads to, from one of so many.
 * @type {Record<string, (place: number, last: number) => number>}
 */
export const KEYS = {
  ArrowLeft: (place) => place - 1,
  ArrowDown: (place) => place - 1,
  ArrowRight: (place) => place + 1,
  ArrowUp: (place) => place + 1,
  Home: () => 0,
  End: (_, last) => last,
};

/**
 * Make an element of a picture.
 * @param {string} name
 * @param {Record<string, string | number | boolean>} attributes
 * @param {string} [text]
 */
export function make(name, attributes, text) {
  const element = /** @type {SVGElement} */ (document.createElementNS(NAMESPACE, name));
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * Round numbers from 0 to at least `most`, three or four of them.
 * @param {number} most
 */
export function ticksUpTo(most) {
  const magnitude = 10 ** Math.floor(Math.log10(most / 2));
  const step = Math.max(1, [1, 2, 5, 10].map((each) => each * magnitude).find((each) => each * 3 >= most) ?? most);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, place) => place * step);
}
