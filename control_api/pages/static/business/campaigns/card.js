// @ts-check
/** The card of a campaign: to whom it goes, where it is, and its numbers. */

import { hasText, momentTime, number, t } from '../../dashboard/texts.js';
import { one, setText } from '../../shared/dom.js';

/**
 * What may be done to a campaign, by its status; the first is done most.
 * @type {Record<Api.Campaign['status'], string[]>}
 */
const ACTS = {
  draft: ['start', 'edit', 'cancel'],
  scheduled: ['edit', 'pause', 'cancel'],
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  finished: [],
  cancelled: [],
};
const NUMBERS = /** @type {const} */ (['eligible', 'queued', 'sent', 'delivered', 'read', 'replied', 'optedOut', 'failed', 'unknown']);

/**
 * Whom a campaign to a list would reach now, and whom it would leave out.
 * @param {Api.SubscribedList | undefined} list
 */
export function audienceOf(list) {
  if (!list) return t('business.campaigns.nobody');
  const reached = t('business.campaigns.reaches', { n: list.eligible });
  const left = skippedText(list.skipped);
  return left ? `${reached} ${t('business.campaigns.left_out', { reasons: left })}` : reached;
}

/**
 * @param {HTMLElement} card
 * @param {Api.Campaign} campaign
 * @param {string} text What it sends.
 * @param {string} audience Whom it would reach now.
 */
export function fillCard(card, campaign, text, audience) {
  const { name, status, list, sendAt, reason, counts } = campaign;
  const begun = !['draft', 'scheduled'].includes(status) && (counts.eligible > 0 || Object.keys(counts.skipped).length > 0);
  setText(one(card, '[data-name]'), name);
  setText(one(card, '[data-status-word]'), t(`business.campaigns.status.${status}`));
  card.dataset.status = status;
  setText(one(card, '[data-facts]'), [
    t('business.campaigns.to', { list }),
    t('business.campaigns.sends', { text }),
    sendAt && t('business.campaigns.at', { time: momentTime(new Date(sendAt)) }),
  ].filter(Boolean).join(' · '));
  const why = status === 'paused' && reason ? `business.campaigns.why.${reason}` : '';
  one(card, '[data-why]').hidden = !why;
  setText(one(card, '[data-why-words]'), why && t(hasText(why) ? why : 'business.campaigns.why.other'));
  setText(one(card, '[data-audience]'), begun ? '' : audience);
  one(card, '[data-numbers]').hidden = !begun;
  for (const each of NUMBERS) setText(one(card, `[data-number=${each}] dd`), number(counts[each]));
  const left = skippedText(counts.skipped);
  setText(one(card, '[data-left]'), begun && left ? t('business.campaigns.left_out', { reasons: left }) : '');
  one(card, 'progress', HTMLProgressElement).value = counts.eligible ? 1 - counts.queued / counts.eligible : 0;
  for (const button of card.querySelectorAll('[data-act]')) {
    button.toggleAttribute('hidden', !ACTS[status].includes(button.getAttribute('data-act') ?? ''));
    button.ariaLabel = `${button.textContent?.trim()}: ${name}`;
  }
}

/** @param {Record<string, number>} skipped */
function skippedText(skipped) {
  return Object.entries(skipped).map(([reason, count]) => t(`business.campaigns.skipped.${reason}`, { n: count })).join(', ');
}
