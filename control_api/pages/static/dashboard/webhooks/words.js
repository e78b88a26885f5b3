// @ts-check
/** What is said of webhooks and deliveries. */

import { hasText, number, t } from '../texts.js';

/** @param {string} type */
export const eventWord = (type) => (hasText(`webhooks.event.${type}`) ? t(`webhooks.event.${type}`) : type);

/**
 * What became of one try: the answer's status, or why there was none.
 * @param {Api.Try} made
 */
export function outcomeWord({ statusCode, error }) {
  if (statusCode) return statusCode >= 300 && statusCode < 400 ? `${statusCode}: ${t('webhooks.why.redirect')}` : String(statusCode);
  if (!error) return t('webhooks.answer.none');
  return hasText(`webhooks.why.${error}`) ? t(`webhooks.why.${error}`) : t('webhooks.why.other', { code: error });
}

/** @param {Api.Try} made */
export const durationWord = ({ durationMs }) => t('webhooks.answer.milliseconds', { n: number(durationMs) });
