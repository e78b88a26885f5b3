// @ts-check
/** The texts of the page in the reader's language, and numbers and times as they write them. */

import { byId } from '../shared/dom.js';

/**
 * Texts by key; one that counts `n` has a form for each plural category of the language.
 * @type {Record<string, string | Partial<Record<Intl.LDMLPluralRule, string>>>}
 */
const TEXTS = JSON.parse(byId('texts').textContent ?? '');
const LANGUAGE = document.documentElement.lang;
/** The reader's own variety of the language knows how they write the time. */
export const LOCALE = navigator.languages.find((each) => each.split('-')[0] === LANGUAGE) ?? LANGUAGE;

const NUMBER = new Intl.NumberFormat(LOCALE);
const PLURALS = new Intl.PluralRules(LANGUAGE);
const EXACT = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'short' });
const SHORT = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'full' });
const RELATIVE = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const STEPS = [['day', 86_400], ['hour', 3_600], ['minute', 60]];

/**
 * Return a text, its {places} filled in; throws for a key that does not exist.
 * @param {string} key
 * @param {Record<string, string | number>} [values] Numbers are written as the reader writes them.
 */
export function t(key, values = {}) {
  return formOf(key, values.n).replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === 'number' ? number(value) : String(value);
  });
}

/**
 * @param {string} key
 * @param {string | number} [n]
 */
function formOf(key, n) {
  const text = TEXTS[key];
  if (text === undefined) throw new Error(`There is no text ${key}`);
  if (typeof text === 'string') return text;
  const form = typeof n === 'number' ? text[PLURALS.select(n)] ?? text.other : undefined;
  if (form === undefined) throw new Error(`The text ${key} counts something: give a number n`);
  return form;
}

/**
 * Tell whether there is a text.
 * @param {string} key
 */
export function hasText(key) {
  return key in TEXTS;
}

/** @param {number} value */
export const number = (value) => NUMBER.format(value);
/** @param {Date} date */
export const exactTime = (date) => EXACT.format(date);
/** @param {Date} date */
export const clockTime = (date) => CLOCK.format(date);
/** @param {Date} date */
export const dayOf = (date) => DAY.format(date);

/**
 * Write a moment as shortly as it stays clear: today's by the clock alone.
 * @param {Date} date
 * @param {Date} [now]
 */
export function momentTime(date, now = new Date()) {
  return date.toDateString() === now.toDateString() ? CLOCK.format(date) : SHORT.format(date);
}

/**
 * Say how long ago a moment was, or how far ahead it is, in its largest whole unit.
 * @param {Date} date
 * @param {number} [now]
 */
export function relativeTime(date, now = Date.now()) {
  const seconds = (date.getTime() - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) < length) continue;
    // Hebrew has words for one and two, and the browser writes the number behind them again.
    return RELATIVE.format(Math.trunc(seconds / length), unit).replace(/ \(\d+\)$/, '');
  }
  return t('dashboard.just_now');
}

/**
 * Say how long it is since a moment, in its largest whole unit.
 * @param {Date} date
 * @param {number} [now]
 */
export function timeSince(date, now = Date.now()) {
  const seconds = Math.max(0, (now - date.getTime()) / 1000);
  const [unit, length] = STEPS.find(([, each]) => seconds >= each) ?? ['second', 1];
  const style = /** @type {const} */ ({ style: 'unit', unit, unitDisplay: 'short' });
  return new Intl.NumberFormat(LOCALE, style).format(Math.trunc(seconds / length));
}
