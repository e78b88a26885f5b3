// @ts-check
/** What is said of the messages about an appointment: those that are sent, and those that are not. */

import { showStatus } from '../../dashboard/messages/pill.js';
import { hasText, momentTime, t } from '../../dashboard/texts.js';
import { byId, copyOf, one, setText } from '../../shared/dom.js';

const ITEM = byId('about-message', HTMLTemplateElement);
/** Why a message was taken back because another one is in its place, or none is needed. */
const REPLACED = ['superseded', 'no_longer_eligible'];

/**
 * The elements for what automations send about an appointment, and do not send.
 * @param {Api.Appointment} appointment
 * @param {(automation: string) => string} nameOf
 */
export function aboutMessages({ messages, omitted }, nameOf) {
  const stand = messages.filter(({ status, reason }) => status !== 'cancelled' || !REPLACED.includes(reason ?? ''));
  return [
    ...stand.map((each) => item(nameOf(each.automation), each.status, when(each))),
    ...omitted.map((each) => skipped(nameOf(each.automation), each)),
  ];
}

/**
 * @param {string} name
 * @param {Api.MessageStatus} status
 * @param {string} text
 */
function item(name, status, text) {
  const element = copyOf(ITEM);
  setText(one(element, '[data-name]'), name);
  showStatus(one(element, '[data-pill]'), status);
  if (status === 'queued') setText(one(element, '[data-word]'), t('business.appointment.planned'));
  setText(one(element, '[data-detail]'), text);
  return element;
}

/**
 * @param {string} name
 * @param {Api.Appointment['omitted'][number]} missing
 */
function skipped(name, { reason, dueAt }) {
  const time = momentTime(new Date(dueAt));
  const element = item(name, 'cancelled', t(`business.appointment.omitted.${reason}`, { time }));
  const isLater = reason === 'far_off';
  setText(one(element, '[data-word]'), t(`business.appointment.${isLater ? 'later' : 'skipped'}`));
  return element;
}

/**
 * When it goes or went, or why it did not.
 * @param {Api.MessageOfPlan} message
 */
function when({ status, reason, dueAt, sentAt, deliveredAt, readAt }) {
  if (['failed', 'expired', 'cancelled', 'unknown'].includes(status)) return reason ? why(reason) : '';
  const moment = status === 'queued' ? dueAt : readAt ?? deliveredAt ?? sentAt;
  return moment ? momentTime(new Date(moment)) : '';
}

/** @param {string} reason */
function why(reason) {
  return hasText(`messages.end.${reason}`) ? t(`messages.end.${reason}`) : t('messages.end.other', { code: reason });
}
