// @ts-check
/** Automations as sentences that a person can read. */

import { t } from '../dashboard/texts.js';

/** @typedef {Pick<Api.Automation, 'trigger' | 'offset' | 'deliveryHour' | 'purpose'>} Rule */

const OFFSET = /^(\d+)([mhdw])$/;

/**
 * The parts of an offset such as `24h`, or null where there is none.
 * @param {string | null} [offset]
 */
export function partsOf(offset) {
  const [, amount, unit] = OFFSET.exec(offset ?? '') ?? [];
  return unit && Number(amount) ? { amount: Number(amount), unit } : null;
}

/**
 * Say when an automation sends, and what.
 * @param {Rule} rule
 * @param {string} text What it sends.
 * @param {boolean} asks Whether that is a question.
 */
export function sentenceOf(rule, text, asks) {
  const end = asks ? 'ask' : rule.purpose === 'reminder' ? 'remind' : 'send';
  const said = t(`business.sentence.${end}`, { when: whenOf(rule), text });
  return said.charAt(0).toLocaleUpperCase() + said.slice(1);
}

/** @param {Rule} rule */
function whenOf({ trigger, offset, deliveryHour }) {
  const parts = partsOf(offset);
  const when = timeOf(trigger, parts);
  if (!deliveryHour) return when;
  // So many hours before, and at this hour: it is the last such hour before, and may be earlier.
  const isBound = trigger.startsWith('before_') && /[mh]/.test(parts?.unit ?? '');
  const bound = isBound ? t('business.sentence.at_least', { when }) : when;
  return t('business.sentence.hour', { when: bound, hour: deliveryHour });
}

/**
 * @param {Api.Automation['trigger']} trigger
 * @param {ReturnType<typeof partsOf>} parts
 */
function timeOf(trigger, parts) {
  const span = parts && t(`business.sentence.span.${parts.unit}`, { n: parts.amount });
  const isRelative = /^(before|after)_/.test(trigger);
  if (isRelative) return span ? t(`business.sentence.${trigger}`, { span }) : t(`business.sentence.${trigger}.now`);
  const when = t(`business.sentence.${trigger}`);
  return span ? t('business.sentence.later', { when, span }) : when;
}
