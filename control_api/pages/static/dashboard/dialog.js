// @ts-check
/** Dialogs: closing them in every usual way; the browser itself moves the focus there and back. */

import { byId, closest } from '../shared/dom.js';
import { Refusal } from '../shared/request.js';

/**
 * Return the dialog with an id; it can be closed by its buttons and by a click beside it.
 * @param {string} id
 */
export function closable(id) {
  const dialog = byId(id, HTMLDialogElement);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog || closest(event, '[data-close]')) dialog.close();
  });
  return dialog;
}

/**
 * The kind of an error, for which a form has a text: of `kinds` by code, else a general one.
 * @param {unknown} error
 * @param {Record<string, string>} kinds
 */
export function kindOf(error, kinds) {
  if (!(error instanceof Refusal) || error.status >= 500) return 'unreachable';
  return kinds[error.code] ?? 'refused';
}

/**
 * Disable a button while something runs, and show that it runs.
 * @template T
 * @param {HTMLButtonElement} button
 * @param {() => Promise<T>} run
 */
export async function working(button, run) {
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  try {
    return await run();
  } finally {
    button.disabled = false;
    button.removeAttribute('aria-busy');
  }
}
