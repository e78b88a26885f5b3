// @ts-check
/** What is said of a message: its status, why it waits or ended as it did, and until when. */

import { exactTime, hasText, momentTime, t } from '../texts.js';

/** A position that is as high stands for every higher one, as the API says. */
const COUNTED_AT_MOST = 10_000;

/** @param {Api.MessageStatus} status */
export const statusWord = (status) => t(`messages.status.${status}`);

/**
 * Return in one or two sentences why a message is where it is, or '' when that says itself.
 * @param {Api.Message} message
 */
export function why(message) {
  return message.status === 'queued' ? whyItWaits(message.waiting) : howItEnded(message);
}

/**
 * The same in a few words, for a list.
 * @param {Api.Message} message
 */
export function shortWhy(message) {
  const { status, waiting, reason } = message;
  if (status === 'queued') return waiting ? join(waitingWords(waiting), until(waiting)) : t('messages.waiting.next');
  return reason && isBad(status) ? endWords(reason) : '';
}

/** @param {Api.MessageStatus} status */
const isBad = (status) => ['failed', 'expired', 'cancelled', 'unknown'].includes(status);

/** @param {Api.Waiting | null} [waiting] */
function whyItWaits(waiting) {
  if (!waiting) return t('messages.waiting.next');
  const tells = waiting.detail && !saysEnough(waiting.detail) && hasText(`messages.detail.${waiting.detail}`);
  const detail = tells ? t(`messages.detail.${waiting.detail}`) : '';
  return [sentence(join(waitingWords(waiting), until(waiting))), detail].filter(Boolean).join(' ');
}

/**
 * Some of the connection's own reasons say more than its state does.
 * @param {string} detail
 */
const saysEnough = (detail) => hasText(`messages.waiting.${detail}`);

/** @param {Api.Waiting} waiting */
function waitingWords({ reason, position, detail }) {
  if (reason === 'behind_others') {
    const n = position ?? COUNTED_AT_MOST;
    return t(`messages.waiting.${n >= COUNTED_AT_MOST ? 'behind_many' : 'behind_others'}`, { n });
  }
  return known('messages.waiting', detail && saysEnough(detail) ? detail : reason, 'other');
}

/** @param {Api.Waiting} waiting */
function until({ until: moment }) {
  return moment ? t('messages.until', { time: momentTime(new Date(moment)) }) : '';
}

/** @param {Api.Message} message */
function howItEnded({ status, reason, expiresAt }) {
  if (status === 'expired') {
    return expiresAt ? t('messages.end.expired_at', { time: exactTime(new Date(expiresAt)) }) : t('messages.end.expired');
  }
  if (!isBad(status)) return t(`messages.meaning.${status}`);
  const general = status === 'failed' ? '' : t(`messages.meaning.${status}`);
  return [reason ? sentence(endWords(reason)) : '', general].filter(Boolean).join(' ');
}

/** @param {string} reason */
function endWords(reason) {
  return known('messages.end', reason, 'other');
}

/**
 * @param {string} prefix
 * @param {string} code
 * @param {string} otherwise
 */
function known(prefix, code, otherwise) {
  return hasText(`${prefix}.${code}`) ? t(`${prefix}.${code}`) : t(`${prefix}.${otherwise}`, { code });
}

/** @param {string[]} parts */
const join = (...parts) => parts.filter(Boolean).join(' ');
/** @param {string} text */
const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);
