// @ts-check
/** The card of an automation: its sentence, what it sends, and what went wrong last. */

import { hasText, momentTime, t } from '../../dashboard/texts.js';
import { byId, copyOf, one } from '../../shared/dom.js';
import { templateName, variableName } from '../records.js';
import { sentenceOf } from '../sentence.js';

const CARD = byId('automation', HTMLTemplateElement);

/**
 * The card of an automation, or of one that is offered.
 * @param {Api.Automation} automation
 * @param {Api.Template | undefined} template
 * @param {string} [over] The name of its connection.
 * @param {boolean} [canSwitch]
 */
export function cardOf(automation, template, over, canSwitch = true) {
  const card = copyOf(CARD);
  const { connectionId, enabled, purpose, conditions, lastError } = automation;
  const text = templateName(template);
  const said = sentenceOf(automation, text, (automation.expects ?? template?.expects) === 'confirm');
  const isNamed = said.includes(text);
  const only = [...conditions?.services ?? [], ...conditions?.tags ?? []].join(', ');
  const facts = [
    !isNamed && t('business.automations.sends', { text }),
    connectionId && t('business.automations.over', { name: `\u2068${over ?? connectionId}\u2069` }),
    purpose === 'marketing' && t('business.automations.agreed'),
    only && t('business.automations.only', { names: only }),
  ];
  const problem = lastError ? t('business.automations.problem', { time: momentTime(new Date(lastError.at)), why: whyOf(lastError) }) : '';
  one(card, '[data-sentence]').textContent = said;
  one(card, '[data-facts]').textContent = facts.filter(Boolean).join(' · ');
  one(card, '[data-problem-words]').textContent = problem;
  one(card, '[data-problem]').hidden = !problem;
  card.toggleAttribute('data-on', enabled);
  Object.assign(one(card, '[role=switch]'), { ariaChecked: String(enabled), ariaLabel: said, disabled: !canSwitch });
  one(card, '[data-edit-text]', HTMLAnchorElement).search = `?edit=${automation.template}`;
  for (const each of card.querySelectorAll('[data-names]')) each.ariaLabel = `${each.textContent?.trim()}: ${said}`;
  for (const each of card.querySelectorAll('[data-not-offered]')) each.toggleAttribute('hidden', !connectionId);
  return card;
}

/**
 * Why a message cannot be written or planned.
 * @param {{ code?: string | null, variable?: string | null }} error
 */
export function whyOf({ code, variable }) {
  const key = `business.automations.why.${code}`;
  if (variable && hasText(`${key}.of`)) return t(`${key}.of`, { variable: variableName(variable) });
  return hasText(key) ? t(key) : t('business.automations.why.other', { code: code ?? '' });
}
