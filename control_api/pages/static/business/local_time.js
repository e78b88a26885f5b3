// @ts-check
/** Days and times of the reader's own clock; a day is written as `2030-01-31`. */

import { LOCALE } from '../dashboard/texts.js';

const DAYS = 7;
const SUNDAY = 7;

/**
 * A moment as a field for a date and a time has it.
 * @param {Date} date
 */
export function fieldValue(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** @param {Date} date */
export const dayKey = (date) => fieldValue(date).slice(0, 10);
/** @param {string} day */
export const startOf = (day) => new Date(`${day}T00:00`);

/**
 * The day so many days later, also where the clocks change between the two.
 * @param {string} day
 * @param {number} days
 */
export function daysAfter(day, days) {
  const date = startOf(day);
  date.setDate(date.getDate() + days);
  return dayKey(date);
}

/**
 * The days of the week that a day is in, from the day on which weeks begin for the reader.
 * @param {string} day
 */
export function weekOf(day) {
  const since = (startOf(day).getDay() - firstWeekday() + DAYS) % DAYS;
  return Array.from({ length: DAYS }, (_, place) => daysAfter(day, place - since));
}

/** The weekday on which weeks begin for the reader, as `Date` counts them. */
function firstWeekday() {
  const locale = /** @type {any} */ (new Intl.Locale(LOCALE));
  const info = locale.getWeekInfo?.() ?? locale.weekInfo;
  return (info?.firstDay ?? SUNDAY) % DAYS;
}

/**
 * The next half or full hour on a day: from now on if it is today, else from nine in the morning.
 * @param {string} day
 * @param {Date} [now]
 */
export function nextFreeTime(day, now = new Date()) {
  if (day > dayKey(now)) return new Date(`${day}T09:00`);
  const step = 30 * 60_000;
  return new Date(Math.ceil((now.getTime() + 1) / step) * step);
}
