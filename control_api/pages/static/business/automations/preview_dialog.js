// @ts-check
/** What an automation would send: for the next appointment that gets it, else with example values. */

import { api } from '../../dashboard/api.js';
import { closable, kindOf } from '../../dashboard/dialog.js';
import { dayOf, clockTime, t } from '../../dashboard/texts.js';
import { one, setText, showOnly } from '../../shared/dom.js';
import { KINDS } from '../records.js';
import { whyOf } from './card.js';

/** The dialog. */
export class PreviewDialog {
  #dialog = closable('automation-preview');
  #texts = one(this.#dialog, '[data-texts]');

  /**
   * @param {Api.Automation} automation
   * @param {Api.Template | undefined} template
   */
  async open(automation, template) {
    showOnly(this.#dialog, 'error', null);
    this.#texts.replaceChildren();
    this.#say('');
    if (!this.#dialog.open) this.#dialog.showModal();
    try {
      const [planned] = automation.connectionId ? (await api(`api/automations/${automation.id}/preview`)).items : [];
      if (planned) this.#showPlanned(planned);
      else this.#showExample(automation, template);
    } catch (error) {
      showOnly(this.#dialog, 'error', kindOf(error, KINDS));
    }
  }

  /** @param {Api.Planned} planned */
  #showPlanned({ dueAt, text, code, variable }) {
    const due = new Date(dueAt);
    if (!text) this.#say(whyOf({ code, variable }));
    else if (due.getTime() > Date.now()) this.#say(t('business.automations.preview.next', { day: dayOf(due), time: clockTime(due) }));
    else this.#say(t('business.automations.preview.at_once'));
    if (text) this.#texts.replaceChildren(bubble(text));
  }

  /**
   * @param {Api.Automation} automation
   * @param {Api.Template | undefined} template
   */
  #showExample({ connectionId }, template) {
    this.#say(t(`business.automations.preview.${connectionId ? 'none' : 'offer'}`));
    const { samples, texts } = template ?? {};
    const said = Object.entries({ ...texts, ...samples });
    this.#texts.replaceChildren(...said.map(([language, text]) => bubble(text, language)));
  }

  /** @param {string} words */
  #say(words) {
    setText(one(this.#dialog, '[data-when-words]'), words);
  }
}

/**
 * @param {string} text
 * @param {string} [language]
 */
function bubble(text, language) {
  const element = document.createElement('p');
  element.className = 'sample';
  element.dir = 'auto';
  if (language) element.lang = language;
  element.textContent = text;
  return element;
}
