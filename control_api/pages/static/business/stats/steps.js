// @ts-check
/** The days, weeks or months between two moments, also those in which nothing happened. */

import { LOCALE } from '../../dashboard/texts.js';

/** @type {Intl.DateTimeFormatOptions} */
const DAYS = { day: 'numeric', month: 'short' };
/** @type {Intl.DateTimeFormatOptions} */
const MONTHS = { month: 'short', year: 'numeric' };

/**
 * The date of a moment as `2030-01-31`, in a time zone or where the reader is.
 * @param {Date} moment
 * @param {string} [timeZone]
 */
export const keyOf = (moment, timeZone) => new Intl.DateTimeFormat('en-CA', { timeZone }).format(moment);

/**
 * Each step by the date of its first day, and as the reader writes it.
 * @param {Pick<Api.Stats, 'from' | 'to' | 'timeZone'>} span
 * @param {string} by
 */
export function stepsOf({ from, to, timeZone }, by) {
  const last = keyOf(new Date(Date.parse(to) - 1), timeZone);
  // Dates are counted in UTC, which has no clocks that change.
  const day = new Date(`${keyOf(new Date(from), timeZone)}T00:00Z`);
  if (by === 'week') day.setUTCDate(day.getUTCDate() - day.getUTCDay());
  if (by === 'month') day.setUTCDate(1);
  const write = new Intl.DateTimeFormat(LOCALE, { ...(by === 'month' ? MONTHS : DAYS), timeZone: 'UTC' });
  const steps = [];
  for (let key = keyOf(day, 'UTC'); key <= last; key = keyOf(day, 'UTC')) {
    steps.push({ key, label: write.format(day) });
    if (by === 'month') day.setUTCMonth(day.getUTCMonth() + 1);
    else day.setUTCDate(day.getUTCDate() + (by === 'week' ? 7 : 1));
  }
  return steps;
}
