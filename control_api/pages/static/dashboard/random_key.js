// @ts-check
/** A key that nobody else has. */

/** `crypto.randomUUID` is there over HTTPS only. */
export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, '0')).join('');
}
