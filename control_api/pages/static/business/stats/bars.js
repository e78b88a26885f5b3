// @ts-check
/**
 * Draw bars, one on top of the other or side by side: a plain SVG in the size of its place, its
 * colours from the stylesheet. A group of bars is read by pointing at it or, as with a slider, by
 * the arrow keys; the same is written into a table behind it.
 */

import { one } from '../../shared/dom.js';
import { KEYS, make, ticksUpTo } from '../../shared/drawing.js';

/** @typedef {{ key: string, name: string, values: (number | null | undefined)[] }} Series */
/**
 * @typedef {object} Data
 * @property {string[]} labels Of the groups.
 * @property {Series[]} series
 * @property {boolean} stacked
 * @property {number} [top] The value at the top of the scale, if that is fixed.
 * @property {(value: number) => string} write Writes a value in words.
 */

const HEIGHT = 190;
const MARGIN = { top: 10, right: 8, bottom: 24, left: 44 };
const BOTTOM = HEIGHT - MARGIN.bottom;
const WIDEST_BAR = 44;
const LABEL_EVERY_PX = 76;

/** A chart in its figure. */
export class Bars {
  #figure;
  #plot;
  /** @type {Data} */
  #data = { labels: [], series: [], stacked: true, write: String };
  #read = 0;
  #shown = false;

  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.#figure = figure;
    this.#plot = one(figure, '[data-plot]');
    new ResizeObserver(() => this.#draw()).observe(this.#plot);
    this.#plot.addEventListener('pointermove', (event) => this.#pointAt(event.clientX));
    this.#plot.addEventListener('pointerleave', () => this.#point(document.activeElement === this.#plot));
    this.#plot.addEventListener('focus', () => this.#point(true));
    this.#plot.addEventListener('blur', () => this.#point(false));
    this.#plot.addEventListener('keydown', (event) => this.#press(event));
  }

  /** @param {Data} data */
  show(data) {
    this.#data = data;
    this.#read = data.labels.length - 1;
    this.#figure.querySelector('[data-legend]')?.replaceChildren(...data.series.map(({ key, name }) => legendItem(key, name)));
    this.#fillTable();
    this.#draw();
  }

  #draw() {
    const { labels, series, stacked, write, top: fixed } = this.#data;
    const width = this.#plot.clientWidth;
    if (!labels.length || !width) return;
    const sums = labels.map((_, place) => (stacked ? sum : Math.max)(...series.map(({ values }) => values[place] ?? 0)));
    const ticks = fixed ? [0, fixed / 2, fixed] : ticksUpTo(Math.max(...sums, 1));
    const top = ticks.at(-1) ?? 1;
    const y = (/** @type {number} */ value) => BOTTOM - (value / top) * (BOTTOM - MARGIN.top);
    const step = (width - MARGIN.left - MARGIN.right) / labels.length;
    const svg = make('svg', { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, 'aria-hidden': true });
    for (const value of ticks) {
      svg.append(make('line', { class: 'chart-grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }));
      svg.append(make('text', { class: 'chart-label', x: MARGIN.left - 8, y: y(value) + 4, 'text-anchor': 'end' }, write(value)));
    }
    const every = Math.ceil(LABEL_EVERY_PX / step);
    labels.forEach((label, place) => {
      const left = MARGIN.left + step * place;
      svg.append(make('rect', { class: 'bars-back', x: left, y: MARGIN.top, width: step, height: BOTTOM - MARGIN.top }));
      svg.append(...barsOf(series.map((each) => [each.key, each.values[place] ?? 0]), left, step, y, stacked));
      const isShown = place % every === 0 && left + LABEL_EVERY_PX / 2 < width;
      if (isShown) svg.append(make('text', { class: 'chart-label', x: left + step / 2, y: HEIGHT - 6, 'text-anchor': 'middle' }, label));
    });
    this.#plot.replaceChildren(svg);
    this.#point(this.#shown);
  }

  /** @param {number} clientX */
  #pointAt(clientX) {
    const { left, width } = this.#plot.getBoundingClientRect();
    const step = (width - MARGIN.left - MARGIN.right) / this.#data.labels.length;
    this.#go(Math.floor((clientX - left - MARGIN.left) / step));
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    this.#go(step(this.#read, this.#data.labels.length - 1));
  }

  /** @param {number} place */
  #go(place) {
    this.#read = Math.min(this.#data.labels.length - 1, Math.max(0, place));
    this.#point(true);
  }

  /**
   * Say which group is read and what its bars are, and mark it for those who look.
   * @param {boolean} shown
   */
  #point(shown) {
    this.#shown = shown;
    const { labels, series, write } = this.#data;
    const values = series.map(({ name, values: all }) => `${name} ${write(all[this.#read] ?? 0)}`);
    const words = [labels[this.#read], ...values].join(' · ');
    Object.assign(this.#plot, { ariaValueMax: String(Math.max(0, labels.length - 1)), ariaValueNow: String(this.#read), ariaValueText: words });
    one(this.#figure, '[data-readout]').textContent = shown ? words : '';
    this.#plot.querySelectorAll('.bars-back').forEach((back, place) => back.classList.toggle('read', shown && place === this.#read));
  }

  #fillTable() {
    const { labels, series, write } = this.#data;
    const table = one(this.#figure, 'table');
    one(table, 'thead tr').replaceChildren(cell('td', ''), ...series.map(({ name }) => cell('th', name, 'col')));
    one(table, 'tbody').replaceChildren(...labels.map((label, place) => {
      const row = document.createElement('tr');
      const written = series.map(({ values }) => values[place] ?? null).map((value) => (value === null ? '–' : write(value)));
      row.append(cell('th', label, 'row'), ...written.map((text) => cell('td', text)));
      return row;
    }));
  }
}

/**
 * @param {[string, number][]} values By the keys of their series.
 * @param {number} left
 * @param {number} step
 * @param {(value: number) => number} y
 * @param {boolean} stacked
 */
function barsOf(values, left, step, y, stacked) {
  const count = stacked ? 1 : values.length;
  const width = Math.max(1, Math.min(WIDEST_BAR, (step * 0.76) / count));
  const start = left + (step - width * count) / 2;
  let below = 0;
  return values.map(([key, value], place) => {
    const base = stacked ? below : 0;
    below += value;
    const height = Math.max(0, y(base) - y(base + value));
    return make('rect', { class: `bar-${key}`, x: start + (stacked ? 0 : width * place), y: y(base + value), width, height });
  });
}

/** @param {number[]} values */
const sum = (...values) => values.reduce((total, each) => total + each, 0);

/**
 * @param {string} key
 * @param {string} name
 */
function legendItem(key, name) {
  const item = cell('li', '');
  item.append(Object.assign(document.createElement('span'), { className: `swatch bar-${key}` }), name);
  return item;
}

/**
 * @param {'th' | 'td' | 'li'} tag
 * @param {string} text
 * @param {string} [scope]
 */
function cell(tag, text, scope) {
  return Object.assign(document.createElement(tag), { textContent: text }, scope ? { scope } : {});
}
