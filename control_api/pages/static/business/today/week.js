// @ts-check
/** A week as seven days to choose from, each with its appointments in short. */

import { LOCALE, clockTime, dayOf, t } from '../../dashboard/texts.js';
import { byId, copyOf, one, setText } from '../../shared/dom.js';
import { personName } from '../appointments/item.js';
import { showRecords } from '../keyed_list.js';
import { dayKey, startOf } from '../local_time.js';

const DAY = byId('week-day', HTMLTemplateElement);
const SHOWN = 4;
/** In Hebrew the short form is two words. */
const WEEKDAY = new Intl.DateTimeFormat(LOCALE, { weekday: document.documentElement.lang === 'he' ? 'narrow' : 'short' });

/**
 * @typedef {object} Day
 * @property {string} id The day.
 * @property {Api.Appointment[]} appointments
 * @property {boolean} chosen
 */

/**
 * Show the days of a week.
 * @param {HTMLElement} list
 * @param {string[]} days
 * @param {Api.Appointment[]} appointments
 * @param {string} chosen
 */
export function showWeek(list, days, appointments, chosen) {
  const shown = days.map((id) => ({
    id,
    appointments: appointments.filter(({ startsAt, status }) => dayKey(new Date(startsAt)) === id && status !== 'cancelled'),
    chosen: id === chosen,
  }));
  const short = (/** @type {Day} */ { id, appointments: its, chosen: isChosen }) => [
    isChosen, id === dayKey(new Date()), ...its.map((each) => [personName(each), each.startsAt, each.status]),
  ];
  showRecords(list, shown, day, short);
}

/** @param {Day} shown */
function day({ id, appointments, chosen }) {
  const element = copyOf(DAY);
  const link = one(element, 'a', HTMLAnchorElement);
  const date = startOf(id);
  link.href = `?day=${id}`;
  link.dataset.act = 'day';
  if (chosen) link.setAttribute('aria-current', 'date');
  element.toggleAttribute('data-today', id === dayKey(new Date()));
  setText(one(element, '[data-weekday]'), WEEKDAY.format(date));
  setText(one(element, '[data-date]'), String(date.getDate()));
  setText(one(element, '[data-told]'), `${dayOf(date)}: ${t('business.today.count', { n: appointments.length })}`);
  const count = one(element, '[data-count]');
  count.hidden = appointments.length === 0;
  setText(count, String(appointments.length));
  one(element, '[data-brief]').append(...appointments.slice(0, SHOWN).map(brief));
  const more = one(element, '[data-more]');
  more.hidden = appointments.length <= SHOWN;
  setText(more, t('business.today.more', { n: appointments.length - SHOWN }));
  return element;
}

/** @param {Api.Appointment} appointment */
function brief(appointment) {
  const item = document.createElement('span');
  item.className = 'brief';
  item.dataset.state = appointment.status;
  const name = document.createElement('bdi');
  name.textContent = personName(appointment);
  item.append(`${clockTime(new Date(appointment.startsAt))} `, name);
  return item;
}
