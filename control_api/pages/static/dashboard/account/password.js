// @ts-check
/** Change one's password, and revoke one's API keys with it if one wants that. */

import { field, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { kindOf, working } from '../dialog.js';
import { t } from '../texts.js';
import { toast } from '../toast.js';

const SHORTEST = 10;
const LONGEST_BYTES = 72;
const KINDS = { invalid_credentials: 'wrong', invalid_fields: 'length', too_many_attempts: 'many' };

/** The form; `changed()` is called after the password was changed. */
export class PasswordForm {
  #form;
  #changed;
  #current;
  #next;
  #revoke;

  /**
   * @param {HTMLFormElement} form
   * @param {() => void} changed
   */
  constructor(form, changed) {
    this.#form = form;
    this.#changed = changed;
    this.#current = field(form, 'current');
    this.#next = field(form, 'next');
    this.#revoke = field(form, 'revoke');
    form.addEventListener('input', () => this.#complain(null));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  async #submit() {
    if (!this.#current.value) return this.#complain('empty', this.#current);
    if (!fits(this.#next.value)) return this.#complain('length', this.#next);
    const revokeApiKeys = this.#revoke.checked;
    const body = { password: this.#current.value, newPassword: this.#next.value, revokeApiKeys };
    try {
      const button = one(this.#form, '[type=submit]', HTMLButtonElement);
      await working(button, () => api('api/auth/password', { method: 'POST', body }));
      this.#form.reset();
      toast(t(`account.password.done${revokeApiKeys ? '_revoked' : ''}`));
      this.#changed();
    } catch (error) {
      const kind = kindOf(error, KINDS);
      this.#complain(kind, { wrong: this.#current, length: this.#next }[kind]);
    }
    return undefined;
  }

  /**
   * @param {string | null} kind
   * @param {HTMLInputElement} [about]
   */
  #complain(kind, about) {
    showOnly(this.#form, 'error', kind);
    for (const each of [this.#current, this.#next]) {
      if (each === about) each.setAttribute('aria-invalid', 'true');
      else each.removeAttribute('aria-invalid');
    }
    about?.focus();
  }
}

/**
 * Tell whether the server takes it as a new password.
 * @param {string} password
 */
function fits(password) {
  const bytes = new TextEncoder().encode(password).length;
  return [...password].length >= SHORTEST && bytes <= LONGEST_BYTES;
}
