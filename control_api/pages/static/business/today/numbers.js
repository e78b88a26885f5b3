// @ts-check
/** The numbers of a day: who confirmed, what was sent, and what was answered. */

import { number } from '../../dashboard/texts.js';
import { one, setText } from '../../shared/dom.js';

const OUT = ['sent', 'delivered', 'read'];
const BADLY = ['failed', 'expired', 'unknown'];

/**
 * Show the numbers of a day.
 * @param {HTMLElement} root
 * @param {Api.Appointment[]} appointments Those of the day.
 * @param {number | null} replies
 */
export function showNumbers(root, appointments, replies) {
  const messages = appointments.flatMap((each) => each.messages);
  const come = (/** @type {string[]} */ ...statuses) => appointments.filter(({ status }) => statuses.includes(status)).length;
  const told = (/** @type {string[]} */ ...statuses) => messages.filter(({ status }) => statuses.includes(status)).length;
  /** @type {Record<string, number | null>} */
  const numbers = {
    appointments: appointments.length - come('cancelled'),
    confirmed: come('confirmed', 'completed'),
    open: come('booked'),
    planned: told('queued', 'sending'),
    sent: told(...OUT),
    read: told('read'),
    failed: told(...BADLY),
    replies,
  };
  for (const [name, value] of Object.entries(numbers)) {
    const place = one(root, `[data-number=${name}]`);
    setText(place, value === null ? '–' : number(value));
    place.closest('div')?.toggleAttribute('data-bad', name === 'failed' && Boolean(value));
  }
}
