/** The texts of the page in the reader's language, and numbers and times as they write them. */

const TEXTS = JSON.parse(document.getElementById('texts').textContent);
const LANGUAGE = document.documentElement.lang;
/** The reader's own variety of the language knows how they write the time. */
export const LOCALE = navigator.languages.find((each) => each.split('-')[0] === LANGUAGE) ?? LANGUAGE;

const NUMBER = new Intl.NumberFormat(LOCALE);
const EXACT = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'short' });
const SHORT = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
const RELATIVE = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });
const STEPS = [['day', 86_400], ['hour', 3_600], ['minute', 60]];

/** Return a text, its {places} filled in; throws for a key that does not exist. */
export function t(key, values = {}) {
  if (!(key in TEXTS)) throw new Error(`There is no text ${key}`);
  return TEXTS[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Tell whether there is a text. */
export function hasText(key) {
  return key in TEXTS;
}

export const number = (value) => NUMBER.format(value);
export const exactTime = (date) => EXACT.format(date);
export const clockTime = (date) => CLOCK.format(date);

/** Write a moment as shortly as it stays clear: today's by the clock alone. */
export function momentTime(date, now = new Date()) {
  return date.toDateString() === now.toDateString() ? CLOCK.format(date) : SHORT.format(date);
}

/** Say how long ago a moment was, or how far ahead it is, in its largest whole unit. */
export function relativeTime(date, now = Date.now()) {
  const seconds = (date.getTime() - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) < length) continue;
    // Hebrew has words for one and two, and the browser writes the number behind them again.
    return RELATIVE.format(Math.trunc(seconds / length), unit).replace(/ \(\d+\)$/, '');
  }
  return t('dashboard.just_now');
}

/** Say how long it is since a moment, in its largest whole unit. */
export function timeSince(date, now = Date.now()) {
  const seconds = Math.max(0, (now - date.getTime()) / 1000);
  const [unit, length] = STEPS.find(([, each]) => seconds >= each) ?? ['second', 1];
  const style = { style: 'unit', unit, unitDisplay: 'short' };
  return new Intl.NumberFormat(LOCALE, style).format(Math.trunc(seconds / length));
}
