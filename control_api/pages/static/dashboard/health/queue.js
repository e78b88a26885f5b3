/** The queue over the last hours: figures, two charts, and the same as a table. */

import { api } from '../api.js';
import { clockTime, momentTime, number, t } from '../texts.js';
import { Chart } from './chart.js';
import { spanText } from './spans.js';

const STEP_MINUTES = { 1: 1, 6: 5, 24: 15, 48: 60 };
const HOUR_MS = 3_600_000;
const KNOWN_FOR_MS = 30_000;

export class Queue {
  samples = [];
  #root;
  #waiting;
  #oldest;
  #askedAt = -Infinity;
  #stepMs = 0;

  constructor(root, changed) {
    this.#root = root;
    this.#waiting = new Chart(root.querySelector('[data-chart=waiting]'), number);
    this.#oldest = new Chart(root.querySelector('[data-chart=oldest]'), (minutes) => spanText(minutes * 60));
    root.addEventListener('change', (event) => {
      if (event.target.name !== 'hours') return;
      this.#askedAt = -Infinity;
      changed();
    });
  }

  /** Ask for the history, if what is known is old, and show it. Throws when there is no answer. */
  async refresh() {
    if (performance.now() - this.#askedAt < KNOWN_FOR_MS) return;
    const hours = this.#hours();
    const query = new URLSearchParams({ hours, stepMinutes: STEP_MINUTES[hours] });
    const { items, stepSeconds } = await api(`api/whatsapp/history?${query}`);
    if (hours !== this.#hours()) return;
    this.#askedAt = performance.now();
    this.samples = items;
    this.#stepMs = stepSeconds * 1000;
    this.#show();
  }

  #hours() {
    return Number(this.#root.querySelector('[name=hours]:checked').value);
  }

  #show() {
    const any = this.samples.length > 0;
    this.#root.querySelector('[data-queue]').hidden = false;
    this.#root.querySelector('[data-no-history]').hidden = any;
    this.#root.querySelector('[data-history]').hidden = !any;
    const last = this.samples.at(-1);
    const sum = (name) => this.samples.reduce((total, each) => total + each[name], 0);
    this.#figure('waiting', any ? number(last.queued) : '–');
    this.#figure('oldest', any ? spanText(last.oldestSeconds) : '–');
    this.#figure('sent', number(sum('sent')));
    this.#figure('failed', number(sum('failed')), sum('failed') > 0);
    if (!any) return;
    this.#draw(this.#waiting, (each) => each.queued, number);
    this.#draw(this.#oldest, (each) => Math.round(each.oldestSeconds / 6) / 10, (minutes) => spanText(minutes * 60));
    this.#fillTable();
  }

  #draw(chart, valueOf, write) {
    const points = this.samples.map((each) => ({ time: Date.parse(each.at), value: valueOf(each) }));
    const most = points.reduce((one, other) => (other.value > one.value ? other : one));
    const hours = this.#hours();
    const end = Math.max(Date.now(), points.at(-1).time);
    const label = t('health.queue.chart_alt', {
      hours: number(hours), most: write(most.value), time: momentTime(new Date(most.time)), now: write(points.at(-1).value),
    });
    chart.show({ points, start: end - hours * HOUR_MS, end, gap: this.#stepMs * 2.5, label });
  }

  #fillTable() {
    const rows = this.samples.toReversed().map((each) => {
      const row = document.createElement('tr');
      const time = clockTime(new Date(each.at));
      const cells = [time, number(each.queued), spanText(each.oldestSeconds), number(each.sent), number(each.failed)];
      row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
      return row;
    });
    this.#root.querySelector('[data-table]').replaceChildren(...rows);
  }

  #figure(name, text, alarming = false) {
    const figure = this.#root.querySelector(`[data-figure=${name}]`);
    figure.querySelector('dd').textContent = text;
    figure.classList.toggle('alarming', alarming);
  }
}
