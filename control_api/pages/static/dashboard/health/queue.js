// @ts-check
/** The queue over the last hours: figures, two charts, and the same as a table. */

import { one } from '../../shared/dom.js';
import { api } from '../api.js';
import { momentTime, number } from '../texts.js';
import { Chart } from './chart.js';
import { spanText } from './spans.js';

/** @type {Record<number, number>} */
const STEP_MINUTES = { 1: 1, 6: 5, 24: 15, 48: 60 };
const HOUR_MS = 3_600_000;
const KNOWN_FOR_MS = 30_000;

/** @param {number} minutes */
const minutesText = (minutes) => spanText(minutes * 60);

export class Queue {
  /** @type {Api.Sample[]} */
  samples = [];
  #root;
  #waiting;
  #oldest;
  #askedAt = -Infinity;
  #stepMs = 0;

  /**
   * @param {HTMLElement} root
   * @param {() => void} changed
   */
  constructor(root, changed) {
    this.#root = root;
    this.#waiting = new Chart(one(root, '[data-chart=waiting]'), number);
    this.#oldest = new Chart(one(root, '[data-chart=oldest]'), minutesText);
    root.addEventListener('change', ({ target }) => {
      if (!(target instanceof HTMLInputElement) || target.name !== 'hours') return;
      this.#askedAt = -Infinity;
      changed();
    });
  }

  /** Ask for the history, if what is known is old, and show it. Throws when there is no answer. */
  async refresh() {
    if (performance.now() - this.#askedAt < KNOWN_FOR_MS) return;
    const hours = this.#hours();
    const query = new URLSearchParams({ hours: String(hours), stepMinutes: String(STEP_MINUTES[hours]) });
    /** @type {Api.History} */
    const { items, stepSeconds } = await api(`api/whatsapp/history?${query}`);
    if (hours !== this.#hours()) return;
    this.#askedAt = performance.now();
    this.samples = items;
    this.#stepMs = stepSeconds * 1000;
    this.#show();
  }

  #hours() {
    return Number(one(this.#root, '[name=hours]:checked', HTMLInputElement).value);
  }

  #show() {
    const last = this.samples.at(-1);
    one(this.#root, '[data-queue]').hidden = false;
    one(this.#root, '[data-no-history]').hidden = Boolean(last);
    one(this.#root, '[data-history]').hidden = !last;
    /** @param {'sent' | 'failed'} name */
    const sum = (name) => this.samples.reduce((total, each) => total + each[name], 0);
    this.#figure('waiting', last ? number(last.queued) : '–');
    this.#figure('oldest', last ? spanText(last.oldestSeconds) : '–');
    this.#figure('sent', number(sum('sent')));
    this.#figure('failed', number(sum('failed')), sum('failed') > 0);
    if (!last) return;
    this.#draw(this.#waiting, (each) => each.queued);
    this.#draw(this.#oldest, (each) => Math.round(each.oldestSeconds / 6) / 10);
    this.#fillTable();
  }

  /**
   * @param {Chart} chart
   * @param {(sample: Api.Sample) => number} valueOf
   */
  #draw(chart, valueOf) {
    const points = this.samples.map((each) => ({ time: Date.parse(each.at), value: valueOf(each) }));
    const hours = this.#hours();
    const end = Math.max(Date.now(), ...points.map((each) => each.time));
    chart.show({ points, start: end - hours * HOUR_MS, end, gap: this.#stepMs * 2.5, hours });
  }

  #fillTable() {
    const rows = this.samples.toReversed().map((each) => {
      const row = document.createElement('tr');
      const time = document.createElement('th');
      time.scope = 'row';
      time.textContent = momentTime(new Date(each.at));
      const cells = [number(each.queued), spanText(each.oldestSeconds), number(each.sent), number(each.failed)];
      row.append(time, ...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
      return row;
    });
    one(this.#root, '[data-table]').replaceChildren(...rows);
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {boolean} [alarming]
   */
  #figure(name, text, alarming = false) {
    const figure = one(this.#root, `[data-figure=${name}]`);
    one(figure, 'dd').textContent = text;
    figure.classList.toggle('alarming', alarming);
  }
}

