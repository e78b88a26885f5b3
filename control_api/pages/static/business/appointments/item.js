// @ts-check
/** One appointment in a list: when, who, its state, its messages, and what can be done with it. */

import { ROOT } from '../../dashboard/api.js';
import { readableRecipient } from '../../dashboard/recipient.js';
import { clockTime, dayOf, t } from '../../dashboard/texts.js';
import { byId, copyOf, one, setText } from '../../shared/dom.js';
import { dayKey } from '../local_time.js';
import { aboutMessages } from './messages.js';

const ITEM = byId('appointment', HTMLTemplateElement);

/**
 * Return the element of an appointment.
 * @param {Api.Appointment} appointment
 * @param {object} shown
 * @param {(automation: string) => string} shown.nameOf
 * @param {boolean} shown.withDay Whether its day is shown, too.
 */
export function appointmentItem(appointment, { nameOf, withDay }) {
  const element = copyOf(ITEM);
  const starts = new Date(appointment.startsAt);
  const name = personName(appointment);
  element.dataset.state = appointment.status;
  const time = one(element, '[data-starts]', HTMLTimeElement);
  time.dateTime = appointment.startsAt;
  setText(time, clockTime(starts));
  setText(one(element, '[data-until]'), `– ${clockTime(new Date(appointment.endsAt))}`);
  const day = one(element, '[data-day]');
  day.hidden = !withDay;
  setText(day, dayOf(starts));
  const link = one(element, '[data-customer]', HTMLAnchorElement);
  if (appointment.customerPhone) link.href = `${ROOT}provider/customers/${encodeURIComponent(appointment.customer)}`;
  setText(one(link, 'bdi'), name);
  one(element, '[data-who]').hidden = withDay;
  setText(one(element, '[data-service]'), appointment.service);
  one(element, '[data-at]').hidden = !appointment.location;
  setText(one(element, '[data-place]'), appointment.location ?? '');
  setText(one(element, '[data-word]'), t(`business.appointment.status.${appointment.status}`));
  one(element, '[data-messages]').append(...aboutMessages(appointment, nameOf));
  offer(element, appointment, `\u2068${name}\u2069, ${clockTime(starts)}`);
  return element;
}

/**
 * What an appointment's customer is called: by name, else by number, unless they were erased.
 * @param {Api.Appointment} appointment
 */
export function personName({ customerName, customerPhone }) {
  if (customerName) return customerName;
  return customerPhone ? readableRecipient(`${customerPhone.slice(1)}@c.us`) : t('business.appointment.erased');
}

/**
 * Offer what is allowed; what is likely to be done next is a button, the rest is in the menu.
 * @param {HTMLElement} element
 * @param {Api.Appointment} appointment
 * @param {string} label
 */
function offer(element, { allowedMoves, startsAt }, label) {
  const isOver = Date.parse(startsAt) <= Date.now();
  const first = isOver ? ['complete', 'no-show'] : ['confirm'];
  for (const button of element.querySelectorAll('button[data-act]')) {
    const act = /** @type {any} */ (button.getAttribute('data-act'));
    const inMenu = button.closest('[data-menu]') !== null;
    const offered = act === 'delete' || allowedMoves.includes(act);
    const place = /** @type {HTMLElement} */ (inMenu ? button.parentElement : button);
    place.hidden = !offered || first.includes(act) === inMenu;
    button.setAttribute('aria-label', `${button.textContent?.trim()}: ${label}`);
  }
  setText(one(element, '[data-menu-label]'), t('business.appointment.more', { label }));
}

/**
 * All that an element shows: an appointment changes its offers once its time has come.
 * @param {Api.Appointment} appointment
 */
export function seenOf(appointment) {
  return [appointment, Date.parse(appointment.startsAt) <= Date.now(), dayKey(new Date())];
}
