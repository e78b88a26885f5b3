// @ts-check
/**
 * Draw one line over time: a plain SVG in the size of its place, its colours from the stylesheet.
 * Its points are read by pointing at them or, as with a slider, by the arrow keys.
 */

import { one } from '../../shared/dom.js';
import { KEYS, make, ticksUpTo } from '../../shared/drawing.js';
import { clockTime, momentTime, number, t } from '../texts.js';

/** @typedef {{time: number, value: number}} Point With its time in milliseconds. */
/**
 * @typedef {object} Data
 * @property {Point[]} points At least one.
 * @property {number} start
 * @property {number} end
 * @property {number} gap Points further apart, in milliseconds, are not joined.
 * @property {number} hours
 */
/** @typedef {{x: (time: number) => number, y: (value: number) => number}} Scale */

const HEIGHT = 150;
const MARGIN = { top: 10, right: 12, bottom: 24 };
const BOTTOM = HEIGHT - MARGIN.bottom;
const BESIDE_LABEL = 8;
/** Charts below each other begin at the same place, but for the largest numbers. */
const LEAST_LEFT = 40;
/** As wide as a figure is at most, so that the labels fit beside the chart. */
const FIGURE = 8;
const LABEL_EVERY_PX = 110;

/** A chart; `write(value)` writes a value in words. */
export class Chart {
  #plot;
  #title;
  #readout;
  #write;
  /** @type {Data | null} */
  #data = null;
  /** @type {Scale | null} */
  #scale = null;
  /** @type {SVGElement | null} */
  #marker = null;
  /** @type {number | null} The time of the point that is read. */
  #read = null;

  /**
   * @param {HTMLElement} figure
   * @param {(value: number) => string} write
   */
  constructor(figure, write) {
    this.#plot = one(figure, '[data-plot]');
    this.#title = one(figure, '[data-title]').textContent ?? '';
    this.#readout = one(figure, '[data-readout]');
    this.#write = write;
    new ResizeObserver(() => this.#draw()).observe(this.#plot);
    this.#plot.addEventListener('pointermove', (event) => this.#pointAt(event.clientX));
    this.#plot.addEventListener('pointerleave', () => this.#rest());
    this.#plot.addEventListener('focus', () => this.#point());
    this.#plot.addEventListener('blur', () => this.#rest());
    this.#plot.addEventListener('keydown', (event) => this.#press(event));
  }

  /** @param {Data} data */
  show(data) {
    this.#data = data;
    const most = data.points.reduce((first, second) => (second.value > first.value ? second : first));
    const values = { n: data.hours, title: this.#title, most: this.#write(most.value), time: moment(most) };
    this.#plot.ariaLabel = t('health.queue.chart_alt', values);
    this.#tell();
    this.#draw();
  }

  #draw() {
    const width = this.#plot.clientWidth;
    if (!this.#data || !width) return;
    const { points, start, end, gap } = this.#data;
    const ticks = ticksUpTo(Math.max(...points.map((each) => each.value), 1));
    const top = ticks.at(-1) ?? 1;
    const left = Math.max(LEAST_LEFT, ...ticks.map((each) => BESIDE_LABEL + FIGURE * number(each).length));
    const wide = width - left - MARGIN.right;
    const scale = {
      x: (/** @type {number} */ time) => left + ((time - start) / (end - start)) * wide,
      y: (/** @type {number} */ value) => BOTTOM - (value / top) * (BOTTOM - MARGIN.top),
    };
    const svg = make('svg', { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, 'aria-hidden': true });
    svg.append(...gridOf(ticks, scale, left, width), ...timesOf(start, end, scale, wide));
    svg.append(...runsOf(points, gap).flatMap((run) => lineOf(run, scale)));
    this.#marker = make('g', { class: 'chart-marker', visibility: 'hidden' });
    this.#marker.append(make('line', { y1: MARGIN.top, y2: BOTTOM }), make('circle', { r: 4.5 }));
    svg.append(this.#marker);
    this.#plot.replaceChildren(svg);
    this.#scale = scale;
    if (this.#read !== null) this.#point();
  }

  /** @param {number} clientX */
  #pointAt(clientX) {
    const scale = this.#scale;
    if (!this.#data || !scale) return;
    const at = clientX - this.#plot.getBoundingClientRect().left;
    this.#read = nearest(this.#data.points, (point) => Math.abs(scale.x(point.time) - at)).time;
    this.#point();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const step = KEYS[event.key];
    if (!this.#data || !step) return;
    event.preventDefault();
    const { points } = this.#data;
    const last = points.length - 1;
    const place = Math.min(last, Math.max(0, step(points.indexOf(this.#pointRead(points)), last)));
    this.#read = points[place]?.time ?? null;
    this.#point();
  }

  /** Mark the point that is read, or the newest one, and say what it is. */
  #point() {
    if (!this.#data || !this.#scale || !this.#marker) return;
    const point = this.#pointRead(this.#data.points);
    this.#read = point.time;
    const [line, circle] = this.#marker.children;
    const x = String(this.#scale.x(point.time));
    line?.setAttribute('x1', x);
    line?.setAttribute('x2', x);
    circle?.setAttribute('cx', x);
    circle?.setAttribute('cy', String(this.#scale.y(point.value)));
    this.#marker.setAttribute('visibility', 'visible');
    this.#readout.textContent = this.#tell();
  }

  /** Tell those who listen which point is read; return the words. */
  #tell() {
    const points = this.#data?.points ?? [];
    const point = this.#pointRead(points);
    const words = `${moment(point)} · ${this.#write(point.value)}`;
    this.#plot.ariaValueMax = String(points.length - 1);
    this.#plot.ariaValueNow = String(points.indexOf(point));
    this.#plot.ariaValueText = words;
    return words;
  }

  /** Mark nothing, unless the keyboard is here. */
  #rest() {
    if (document.activeElement === this.#plot) return;
    this.#read = null;
    this.#marker?.setAttribute('visibility', 'hidden');
    this.#readout.textContent = '';
  }

  /**
   * The point that is read: the newest one to begin with.
   * @param {Point[]} points
   */
  #pointRead(points) {
    const time = this.#read ?? Infinity;
    return time === Infinity ? lastOf(points) : nearest(points, (point) => Math.abs(point.time - time));
  }
}

/** @param {Point} point */
const moment = (point) => momentTime(new Date(point.time));

/** @param {Point[]} points */
const lastOf = (points) => points[points.length - 1] ?? { time: 0, value: 0 };

/**
 * @param {Point[]} points
 * @param {(point: Point) => number} distance
 */
function nearest(points, distance) {
  return points.reduce((first, second) => (distance(second) < distance(first) ? second : first));
}

/**
 * @param {number[]} ticks
 * @param {Scale} scale
 * @param {number} left
 * @param {number} width
 */
function gridOf(ticks, scale, left, width) {
  return ticks.flatMap((value) => {
    const y = scale.y(value);
    return [
      make('line', { class: 'chart-grid', x1: left, x2: width - MARGIN.right, y1: y, y2: y }),
      make('text', { class: 'chart-label', x: left - BESIDE_LABEL, y: y + 4, 'text-anchor': 'end' }, number(value)),
    ];
  });
}

/**
 * @param {number} start
 * @param {number} end
 * @param {Scale} scale
 * @param {number} wide
 */
function timesOf(start, end, scale, wide) {
  const count = Math.max(1, Math.floor(wide / LABEL_EVERY_PX));
  return Array.from({ length: count + 1 }, (_, place) => {
    const time = start + ((end - start) * place) / count;
    const anchor = place === 0 ? 'start' : place === count ? 'end' : 'middle';
    const text = clockTime(new Date(time));
    return make('text', { class: 'chart-label', x: scale.x(time), y: HEIGHT - 5, 'text-anchor': anchor }, text);
  });
}

/**
 * @param {Point[]} run
 * @param {Scale} scale
 */
function lineOf(run, { x, y }) {
  const [first] = run;
  // A point that nothing is joined to would be a line without length.
  if (first && run.length === 1) return [make('circle', { class: 'chart-point', cx: x(first.time), cy: y(first.value), r: 2.5 })];
  const places = run.map(({ time, value }) => [x(time).toFixed(1), y(value).toFixed(1)]);
  const line = places.map((each) => each.join(',')).join('L');
  const area = `M${places[0]?.[0]},${BOTTOM}L${line}L${places.at(-1)?.[0]},${BOTTOM}Z`;
  return [
    make('path', { class: 'chart-area', d: area }),
    make('path', { class: 'chart-line', d: `M${line}` }),
  ];
}

/**
 * Parts of the points without a gap between them.
 * @param {Point[]} points
 * @param {number} gap
 */
function runsOf(points, gap) {
  /** @type {Point[][]} */
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && point.time - last.time <= gap) run.push(point);
    else runs.push([point]);
  }
  return runs;
}
