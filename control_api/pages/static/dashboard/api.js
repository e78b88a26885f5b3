// @ts-check
/** Ask the public API in the name of whoever signed in. */

import { byId, one } from '../shared/dom.js';
import { Refusal, ask } from '../shared/request.js';

/** @import { Options } from '../shared/request.js' */

/** @param {string} name */
const meta = (name) => one(document, `meta[name="${name}"]`, HTMLMetaElement).content;
/** The address of the root, right behind a proxy that adds a prefix, too. */
export const ROOT = new URL(meta('root'), location.href).href;
const TOKEN = meta('csrf-token');

/**
 * Return the JSON of an answer of the API; `path` begins with `api/`.
 * Throws Refusal. When the session has ended, a dialog says so.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function api(path, { method = 'GET', headers = {}, ...rest } = {}) {
  const proof = method === 'GET' ? undefined : { 'X-CSRF-Token': TOKEN };
  try {
    return await ask(ROOT + path, { ...rest, method, headers: { ...proof, ...headers } });
  } catch (error) {
    if (error instanceof Refusal && isSignedOut(error)) sayThatSignedOut();
    throw error;
  }
}

/**
 * Tell whether the session has ended; a wrong current password is a 401, too.
 * @param {Refusal} refusal
 */
function isSignedOut({ status, code }) {
  return status === 401 && code !== 'invalid_credentials';
}

/** Say that the session has ended; nothing else works then. */
export function sayThatSignedOut() {
  const dialog = byId('signed-out', HTMLDialogElement);
  if (dialog.open) return;
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.showModal();
}
