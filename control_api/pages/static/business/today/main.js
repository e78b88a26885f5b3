// @ts-check
/** The view of a day: its appointments with their messages, and the week around it. */

import { api } from '../../dashboard/api.js';
import { keepTrue } from '../../dashboard/live.js';
import { dayOf, t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, closest, one, setText, showOnly } from '../../shared/dom.js';
import { AppointmentActs } from '../appointments/acts.js';
import { BookingDialog } from '../appointments/booking_dialog.js';
import { appointmentItem, personName, seenOf } from '../appointments/item.js';
import { showRecords } from '../keyed_list.js';
import { dayKey, daysAfter, nextFreeTime, startOf, weekOf } from '../local_time.js';
import { pagesOf } from '../record_list.js';
import { showNumbers } from './numbers.js';
import { showWeek } from './week.js';

const DAY = /^\d{4}-\d\d-\d\d$/;
const MOST_PAGES = 20;
const REPLIES_KNOWN_FOR_MS = 15_000;

class TodayView {
  #root = byId('today');
  #list = one(this.#root, '[data-appointments]');
  #week = one(this.#root, '[data-week]');
  #booking = new BookingDialog(this.#root.dataset.me ?? '');
  #acts = new AppointmentActs(() => this.#refreshNow());
  #day = readDay();
  /** @type {Api.Appointment[]} Those of the week. */
  #appointments = [];
  /** @type {Map<string, string>} */
  #automations = new Map();
  /** @type {number | null} */
  #replies = null;
  #repliesAsked = { day: '', at: -Infinity };
  /** The first day of the week that is loaded. */
  #loaded = '';
  #refreshNow;

  constructor() {
    this.#root.addEventListener('click', (event) => this.#clicked(event));
    addEventListener('popstate', () => this.#enter(readDay()));
    this.#showHead();
    this.#refreshNow = keepTrue(() => this.#refresh(), {
      'message.status': () => false,
      'message.received': () => false,
    });
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const link = closest(event, '[data-week] a, [data-step]');
    const button = closest(event, '[data-act]');
    if (closest(event, '[data-book]')) this.#book();
    if (link) {
      event.preventDefault();
      const step = Number(link.dataset.step ?? 0);
      const day = step ? daysAfter(this.#day, step) : new URL(/** @type {any} */ (link).href).searchParams.get('day') ?? dayKey(new Date());
      history.pushState(null, '', `?day=${day}`);
      this.#enter(day);
    } else if (button instanceof HTMLButtonElement) {
      const id = closest(event, '[data-id]')?.dataset.id;
      const appointment = this.#appointments.find((each) => each.id === id);
      if (appointment) this.#acts.act(button, appointment);
    }
  }

  /** @param {string} day */
  #enter(day) {
    this.#day = day;
    this.#showHead();
    if (this.#loaded === weekOf(day)[0]) this.#show();
    else showOnly(this.#root, 'when', 'loading');
    this.#refreshNow();
  }

  async #book() {
    const own = this.#appointments.filter(({ owner }) => owner === this.#root.dataset.me);
    const like = own.toSorted((first, second) => second.createdAt.localeCompare(first.createdAt))[0] ?? null;
    try {
      const booked = await this.#booking.ask({ at: nextFreeTime(this.#day), like });
      if (!booked) return;
      toast(t('business.appointment.done.book', { name: `\u2068${personName(booked)}\u2069` }));
      this.#enter(dayKey(new Date(booked.startsAt)));
    } catch {
      toast(t('business.common.error.unreachable'));
    }
  }

  async #refresh() {
    const week = weekOf(this.#day);
    const query = new URLSearchParams({
      from: startOf(week[0]).toISOString(), to: startOf(daysAfter(week[0], week.length)).toISOString(),
    });
    try {
      const [[appointments], { items }] = await Promise.all([
        pagesOf(`api/appointments?${query}`, MOST_PAGES), api('api/automations?limit=200'), this.#askReplies(),
      ]);
      // Meanwhile somebody may have chosen another week.
      if (week[0] !== weekOf(this.#day)[0]) return;
      const before = this.#loaded === week[0] ? this.#appointments : null;
      this.#appointments = appointments;
      this.#loaded = week[0];
      this.#automations = new Map(items.map((/** @type {Api.Automation} */ each) => [each.id ?? '', each.name]));
      this.#show();
      if (before) this.#announce(before);
    } catch (error) {
      if (this.#loaded !== week[0]) showOnly(this.#root, 'when', 'error');
      throw error;
    }
  }

  /** Count the answers of the day, now and then: that is more work for the server than the rest. */
  async #askReplies() {
    const day = this.#day;
    const { day: known, at } = this.#repliesAsked;
    if (known === day && performance.now() - at < REPLIES_KNOWN_FOR_MS) return;
    const query = new URLSearchParams({ from: startOf(day).toISOString(), to: startOf(daysAfter(day, 1)).toISOString() });
    /** @type {Api.Stats} */
    const { replies } = await api(`provider/stats?${query}`);
    this.#replies = replies;
    this.#repliesAsked = { day, at: performance.now() };
  }

  #showHead() {
    setText(one(this.#root, '[data-day-title]'), dayOf(startOf(this.#day)));
    one(this.#root, '[data-to-today]').hidden = this.#day === dayKey(new Date());
  }

  #show() {
    const appointments = this.#appointments.filter(({ startsAt }) => dayKey(new Date(startsAt)) === this.#day);
    const nameOf = (/** @type {string} */ id) => this.#automations.get(id) ?? t('business.appointment.message');
    showWeek(this.#week, weekOf(this.#day), this.#appointments, this.#day);
    showNumbers(this.#root, appointments, this.#repliesAsked.day === this.#day ? this.#replies : null);
    showRecords(this.#list, appointments, (each) => appointmentItem(each, { nameOf, withDay: false }), (each) => [
      seenOf(each), each.messages.map(({ automation }) => nameOf(automation)),
    ]);
    showOnly(this.#root, 'when', appointments.length ? 'list' : 'empty');
  }

  /**
   * Say which appointments others have changed meanwhile, as customers do who answer.
   * @param {Api.Appointment[]} before
   */
  #announce(before) {
    const states = new Map(before.map(({ id, status }) => [id, status]));
    const changed = this.#appointments.filter(({ id, status }) => states.has(id) && states.get(id) !== status);
    const said = changed.map((each) => t('business.appointment.announce', {
      name: `\u2068${personName(each)}\u2069`, state: t(`business.appointment.status.${each.status}`),
    }));
    if (said.length) setText(one(this.#root, '[data-announce]'), said.join(' '));
  }
}

/** The day in the address, else today. */
function readDay() {
  const day = new URLSearchParams(location.search).get('day') ?? '';
  return DAY.test(day) && !Number.isNaN(startOf(day).getTime()) ? day : dayKey(new Date());
}

new TodayView();
