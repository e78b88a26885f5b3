// @ts-check
/** Import a table, and say what became of each line that was not stored. */

import { api } from '../dashboard/api.js';
import { closable } from '../dashboard/dialog.js';
import { hasText, number, t } from '../dashboard/texts.js';
import { field, one, setText } from '../shared/dom.js';
import { CheckedForm, Wrong } from './checked_form.js';

/** @type {Record<string, string>} */
const KINDS = { file_unreadable: 'file', request_entity_too_large: 'large', rate_limited: 'many' };
const PATIENCE_MS = 10 * 60_000;
const SHOWN = 200;

/** The dialog that the template `import_dialog` makes. */
export class ImportDialog {
  #dialog = closable('import');
  #form = new CheckedForm(one(this.#dialog, 'form', HTMLFormElement), KINDS, () => this.#send());
  #file = field(this.#form.element, 'file');
  #path;
  #changed;

  /**
   * @param {string} path Where the table goes.
   * @param {() => void} changed Called after an import.
   */
  constructor(path, changed) {
    this.#path = path;
    this.#changed = changed;
  }

  open() {
    this.#form.reset();
    one(this.#dialog, '[data-report]').hidden = true;
    this.#dialog.showModal();
    this.#file.focus();
  }

  async #send() {
    const file = this.#file.files?.[0];
    if (!file) throw new Wrong('none', this.#file);
    const headers = { 'Content-Type': 'text/csv' };
    this.#report(await api(this.#path, { method: 'POST', file, headers, within: PATIENCE_MS }));
    this.#changed();
  }

  /** @param {Api.ImportReport} report */
  #report({ created, updated, refused }) {
    const report = one(this.#dialog, '[data-report]');
    report.hidden = false;
    setText(one(report, '[data-done]'), t('business.import.done', {
      created: number(created), updated: number(updated), refused: number(refused.length),
    }));
    one(report, '[data-refused]').hidden = refused.length === 0;
    one(report, 'tbody').replaceChildren(...refused.slice(0, SHOWN).map(row));
    const more = one(report, '[data-more]');
    more.hidden = refused.length <= SHOWN;
    setText(more, t('business.import.more', { n: refused.length - SHOWN }));
    one(report, '[data-done]').focus();
  }
}

/** @param {Api.ImportReport['refused'][number]} refused */
function row({ line, code, reason }) {
  const element = document.createElement('tr');
  const place = document.createElement('th');
  place.scope = 'row';
  place.textContent = number(line);
  const why = document.createElement('td');
  why.textContent = hasText(`business.import.flaw.${code}`) ? t(`business.import.flaw.${code}`) : reason;
  element.append(place, why);
  return element;
}
