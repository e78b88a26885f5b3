// @ts-check
/** What a customer has agreed to: now, and every answer there was, with the message that proves it. */

import { api } from '../../dashboard/api.js';
import { working } from '../../dashboard/dialog.js';
import { messagePath } from '../../dashboard/paths.js';
import { exactTime, hasText, t } from '../../dashboard/texts.js';
import { byId, closest, copyOf, one, setText } from '../../shared/dom.js';
import { showRecords } from '../keyed_list.js';

const ANSWER = byId('answer', HTMLTemplateElement);
const PURPOSES = /** @type {const} */ (['reminder', 'service', 'marketing']);

/** The part of the page that shows them. */
export class Consents {
  #root;
  #list;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#list = one(root, '[data-answers]');
    this.#list.addEventListener('click', (event) => {
      const button = closest(event, '[data-act=evidence]');
      if (button instanceof HTMLButtonElement) this.#prove(button);
    });
  }

  /**
   * @param {Api.Customer} customer
   * @param {Api.Answer[]} history Newest first.
   */
  show(customer, history) {
    for (const purpose of PURPOSES) {
      const state = customer.consents[purpose]?.state ?? 'unknown';
      const place = one(this.#root, `[data-purpose=${purpose}]`);
      place.dataset.state = state;
      setText(place, t(`business.consent.state.${state}`));
    }
    // An answer has no id of its own, and none is ever changed.
    const records = history.map((each, place) => ({ ...each, id: String(history.length - place) }));
    showRecords(this.#list, records, answer);
    one(this.#root, '[data-history]').hidden = history.length === 0;
  }

  /** @param {HTMLButtonElement} button */
  async #prove(button) {
    const place = button.parentElement?.querySelector('[data-proof]');
    if (!(place instanceof HTMLElement)) return;
    try {
      /** @type {Api.Entry} */
      const message = await working(button, () => api(messagePath(button.dataset.evidence ?? '')));
      setText(place, message.text || t('dashboard.said.unreadable'));
      button.hidden = true;
    } catch {
      setText(place, t('business.consent.lost'));
    }
    place.hidden = false;
  }
}

/** @param {Api.Answer} given */
function answer({ purpose, state, at, how, evidence }) {
  const element = copyOf(ANSWER);
  element.dataset.state = state;
  setText(one(element, '[data-what]'), t(`business.consent.${state}`, { purpose: t(`business.consent.${purpose}`) }));
  const by = hasText(`business.consent.how.${how}`) ? t(`business.consent.how.${how}`) : how;
  setText(one(element, '[data-how]'), `${exactTime(new Date(at))} · ${by}`);
  const button = one(element, '[data-act=evidence]');
  button.hidden = !evidence;
  button.dataset.evidence = evidence ?? '';
  return element;
}
