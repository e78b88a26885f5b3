// @ts-check
/** The sign-in page works without this; it lets people see the password that they type. */

import { byId, one } from '../shared/dom.js';

const field = byId('password', HTMLInputElement);
const button = one(document, '[data-reveal]');

button.hidden = false;
button.addEventListener('click', () => {
  const shown = field.type === 'text';
  field.type = shown ? 'password' : 'text';
  button.setAttribute('aria-pressed', String(!shown));
});
// A password shown must not stay in the browser's list of what was typed.
field.form?.addEventListener('submit', () => { field.type = 'password'; });
