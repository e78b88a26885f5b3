// @ts-check
/** The view of statistics: messages, how they are read and answered, and who comes to appointments. */

import { api } from '../../dashboard/api.js';
import { keepTrue } from '../../dashboard/live.js';
import { LOCALE, number, t } from '../../dashboard/texts.js';
import { byId, closest, field, one, showOnly } from '../../shared/dom.js';
import { valuesOf } from '../form_values.js';
import { daysAfter, dayKey, startOf } from '../local_time.js';
import { all, allTemplates, templateName, withQuery } from '../records.js';
import { sentenceOf } from '../sentence.js';
import { Bars } from './bars.js';
import { keyOf, stepsOf } from './steps.js';

/** The statuses of messages that a colour stands for, from the bottom up. */
const COLOURS = { read: ['read'], delivered: ['delivered'], sent: ['sent'], waiting: ['queued', 'sending'], failed: ['failed', 'expired', 'unknown'], cancelled: ['cancelled'] };
const OUTCOMES = /** @type {const} */ (['confirmedRate', 'cancelledRate', 'noShowRate']);
const PERCENT = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0 });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];

class StatsView {
  #root = byId('stats');
  #filter = one(this.#root, '[data-filter]', HTMLFormElement);
  #messages = new Bars(one(this.#root, '[data-chart=messages]'));
  #rates = new Bars(one(this.#root, '[data-chart=rates]'));
  #outcomes = new Bars(one(this.#root, '[data-chart=outcomes]'));
  #seen = '';

  constructor() {
    this.#readAddress();
    const lookAgain = keepTrue(() => this.#refresh(), {});
    this.#filter.addEventListener('submit', (event) => event.preventDefault());
    this.#filter.addEventListener('change', () => {
      const { from, to, by } = valuesOf(this.#filter);
      history.replaceState(null, '', `?${new URLSearchParams({ from: from ?? '', to: to ?? '', by: by ?? '' })}`);
      lookAgain();
    });
    this.#filter.addEventListener('click', (event) => {
      const days = closest(event, '[data-days]')?.dataset.days;
      if (days) this.#setDays(Number(days));
    });
  }

  #readAddress() {
    const asked = new URLSearchParams(location.search);
    this.#fillDays(30);
    for (const name of ['from', 'to']) if (asked.get(name)) field(this.#filter, name).value = (asked.get(name) ?? '').slice(0, 10);
    field(this.#filter, 'by', RadioNodeList).value = asked.get('by') ?? 'day';
  }

  /** @param {number} days */
  #fillDays(days) {
    const today = dayKey(new Date());
    field(this.#filter, 'from').value = daysAfter(today, 1 - days);
    field(this.#filter, 'to').value = today;
  }

  /** @param {number} days */
  #setDays(days) {
    this.#fillDays(days);
    this.#filter.dispatchEvent(new Event('change'));
  }

  async #refresh() {
    const { from = '', to = '', by = 'day' } = valuesOf(this.#filter);
    const isWrong = !from || !to || from > to;
    showOnly(this.#filter, 'error', isWrong ? 'dates' : null);
    if (isWrong) return;
    // The last day counts to its end.
    const span = { from: startOf(from).toISOString(), to: startOf(daysAfter(to, 1)).toISOString(), by };
    const needed = [api(withQuery('provider/stats', span)), all('api/automations'), allTemplates()];
    const [stats, automations, templates] = await Promise.all(needed);
    showOnly(this.#root, 'when', 'stats');
    // What is the same is left alone: somebody may be reading a chart.
    const seen = JSON.stringify([stats.messages, stats.appointments, stats.automations, stats.replies, span.from, by]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#show(stats, by);
    this.#showAutomations(stats, automations, templates);
  }

  /**
   * @param {Api.Stats} stats
   * @param {string} by
   */
  #show(stats, by) {
    const steps = stepsOf(stats, by);
    const labels = steps.map(({ label }) => label);
    const byDay = new Map(stats.messages.map((each) => [keyOf(new Date(each.at ?? ''), stats.timeZone), each]));
    const found = steps.map(({ key }) => byDay.get(key));
    const colours = Object.entries(COLOURS).map(([key, statuses]) => ({
      key,
      name: t(`business.stats.state.${key}`),
      values: found.map((step) => statuses.reduce((total, status) => total + (step?.byStatus[status] ?? 0), 0)),
    }));
    this.#messages.show({ labels, series: colours, stacked: true, write: number });
    const rates = /** @type {const} */ (['deliveryRate', 'readRate']).map((key) => ({ key, name: t(`business.stats.${key}`), values: found.map((step) => step?.[key]) }));
    this.#rates.show({ labels, series: rates, stacked: false, top: 1, write: PERCENT.format });
    const outcomes = stats.appointments.map((each) => {
      const key = each.reminded ? 'reminded' : 'alone';
      const n = Object.values(each.byStatus).reduce((total, count) => total + count, 0);
      return { key, name: t(`business.stats.${key}`, { n }), values: OUTCOMES.map((name) => each[name]) };
    });
    this.#outcomes.show({ labels: OUTCOMES.map((name) => t(`business.stats.${name}`)), series: outcomes, stacked: false, top: 1, write: PERCENT.format });
    this.#showFigures(stats);
  }

  /** @param {Api.Stats} stats */
  #showFigures({ messages, replies, medianSecondsToRead: seconds }) {
    const sent = messages.reduce((total, each) => total + each.sent, 0);
    const rate = (/** @type {string[]} */ ...statuses) => {
      const reached = messages.reduce((total, each) => total + statuses.reduce((some, status) => some + (each.byStatus[status] ?? 0), 0), 0);
      return sent ? PERCENT.format(reached / sent) : '–';
    };
    const figures = { sent: number(sent), delivered: rate('delivered', 'read'), read: rate('read'), time: seconds === undefined || seconds === null ? '–' : spanText(seconds), replies: number(replies) };
    for (const [name, text] of Object.entries(figures)) one(this.#root, `[data-figure=${name}] dd`).textContent = text;
  }

  /**
   * @param {Api.Stats} stats
   * @param {Api.Automation[]} automations
   * @param {Api.Template[]} templates
   */
  #showAutomations(stats, automations, templates) {
    one(this.#root, '[data-by-automation]').hidden = !stats.automations.length;
    const rows = stats.automations.toSorted((first, second) => second.sent - first.sent).map((each) => {
      const automation = automations.find(({ id }) => id === each.automation);
      const template = templates.find(({ id }) => id === automation?.template);
      const name = automation ? sentenceOf(automation, templateName(template), (automation.expects ?? template?.expects) === 'confirm') : t('business.stats.deleted');
      return rowOf(name, [number(each.sent)], [each.deliveryRate, each.readRate]);
    });
    one(this.#root, '[data-automations]').replaceChildren(...rows);
  }
}

/**
 * @param {string} name
 * @param {string[]} cells
 * @param {(number | null | undefined)[]} rates Each with a bar.
 */
function rowOf(name, cells, rates) {
  const row = document.createElement('tr');
  row.append(Object.assign(document.createElement('th'), { scope: 'row', textContent: name }));
  row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
  row.append(...rates.map((rate) => {
    const known = typeof rate === 'number';
    const cell = Object.assign(document.createElement('td'), { textContent: known ? PERCENT.format(rate) : '–' });
    if (known) cell.append(Object.assign(document.createElement('progress'), { value: rate, ariaHidden: 'true' }));
    return cell;
  }));
  return row;
}

/** @param {number} seconds */
function spanText(seconds) {
  const [unit, length] = UNITS.find(([, each]) => seconds >= each) ?? ['second', 1];
  return new Intl.NumberFormat(LOCALE, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 }).format(seconds / length);
}

new StatsView();
