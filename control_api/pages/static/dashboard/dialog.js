/** Dialogs: closing them in every usual way; the browser itself moves the focus there and back. */

/** Let a dialog be closed by its buttons and by a click beside it. */
export function closable(dialog) {
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog || event.target.closest('[data-close]')) dialog.close();
  });
  return dialog;
}

/** The kind of an error, for which a form has a text: of `kinds` by code, else a general one. */
export function kindOf(error, kinds) {
  if (error.status === undefined || error.status >= 500) return 'unreachable';
  return kinds[error.code] ?? 'refused';
}

/** Disable a button while something runs, and show that it runs. */
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
