// @ts-check
/** Show a new secret, such as an API key, which is shown this once. */

import { byId, closest, one } from '../../shared/dom.js';
import { CopyButton } from '../copy_button.js';

/** The dialog that shows it; a click beside it does not close it, since it would be lost. */
export class MadeDialog {
  #dialog = byId('made', HTMLDialogElement);
  #copy = new CopyButton(
    one(this.#dialog, '[data-copy]', HTMLButtonElement),
    byId('made-key', HTMLInputElement),
  );

  constructor() {
    this.#dialog.addEventListener('click', (event) => {
      if (closest(event, '[data-close]')) this.#dialog.close();
    });
    this.#dialog.addEventListener('close', () => this.#copy.show(''));
  }

  /** @param {{name: string, key: string}} made What it is for, and the secret. */
  show({ name, key }) {
    one(this.#dialog, '[data-name]').textContent = name;
    this.#copy.show(key);
    this.#dialog.showModal();
    this.#copy.focus();
  }
}
