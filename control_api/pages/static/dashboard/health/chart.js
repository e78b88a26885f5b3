/** Draw one line over time: a plain SVG in the size of its place, its colours from the stylesheet. */

import { clockTime, momentTime, number } from '../texts.js';

const NAMESPACE = 'http://www.w3.org/2000/svg';
const HEIGHT = 150;
const MARGIN = { top: 10, right: 12, bottom: 24 };
const BESIDE_LABEL = 8;
/** Charts below each other begin at the same place, but for the largest numbers. */
const LEAST_LEFT = 40;
/** As wide as a figure is at most, so that the labels fit beside the chart. */
const FIGURE = 8;
const LABEL_EVERY_PX = 110;

/** A chart of `{time, value}` in milliseconds; `readout(point)` writes what is pointed at. */
export class Chart {
  #plot;
  #readout;
  #read;
  #data = null;
  #marker;
  #scale;

  constructor(figure, readout) {
    this.#plot = figure.querySelector('[data-plot]');
    this.#readout = figure.querySelector('[data-readout]');
    this.#read = readout;
    new ResizeObserver(() => this.#draw()).observe(this.#plot);
    this.#plot.addEventListener('pointermove', (event) => this.#point(event));
    this.#plot.addEventListener('pointerleave', () => this.#unpoint());
  }

  /** Show points from `start` to `end`; those further apart than `gap` are not joined. */
  show({ points, start, end, gap, label }) {
    this.#data = { points, start, end, gap, label };
    this.#draw();
  }

  #draw() {
    const width = this.#plot.clientWidth;
    if (!this.#data || !width) return;
    const { points, start, end, gap, label } = this.#data;
    const ticks = ticksUpTo(Math.max(...points.map((each) => each.value), 1));
    const bottom = HEIGHT - MARGIN.bottom;
    const left = Math.max(LEAST_LEFT, ...ticks.map((each) => BESIDE_LABEL + FIGURE * number(each).length));
    const wide = width - left - MARGIN.right;
    this.#scale = {
      x: (time) => left + ((time - start) / (end - start)) * wide,
      y: (value) => bottom - (value / ticks.at(-1)) * (bottom - MARGIN.top),
    };
    const svg = make('svg', { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': label });
    this.#drawGrid(svg, ticks, left, width);
    this.#drawTimes(svg, start, end, wide);
    for (const run of runsOf(points, gap)) this.#drawRun(svg, run, bottom);
    this.#marker = make('g', { class: 'chart-marker', visibility: 'hidden' });
    this.#marker.append(make('line', { y1: MARGIN.top, y2: bottom }), make('circle', { r: 4.5 }));
    svg.append(this.#marker);
    this.#plot.replaceChildren(svg);
  }

  #drawGrid(svg, ticks, left, width) {
    for (const value of ticks) {
      const y = this.#scale.y(value);
      svg.append(make('line', { class: 'chart-grid', x1: left, x2: width - MARGIN.right, y1: y, y2: y }));
      svg.append(make('text', { class: 'chart-label', x: left - BESIDE_LABEL, y: y + 4, 'text-anchor': 'end' }, number(value)));
    }
  }

  #drawTimes(svg, start, end, wide) {
    const count = Math.max(1, Math.floor(wide / LABEL_EVERY_PX));
    for (let place = 0; place <= count; place += 1) {
      const time = start + ((end - start) * place) / count;
      const anchor = place === 0 ? 'start' : place === count ? 'end' : 'middle';
      svg.append(make('text', { class: 'chart-label', x: this.#scale.x(time), y: HEIGHT - 5, 'text-anchor': anchor }, clockTime(new Date(time))));
    }
  }

  #drawRun(svg, run, bottom) {
    const { x, y } = this.#scale;
    const line = run.map(({ time, value }) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`).join('L');
    const from = x(run[0].time).toFixed(1);
    const to = x(run.at(-1).time).toFixed(1);
    svg.append(make('path', { class: 'chart-area', d: `M${from},${bottom}L${line}L${to},${bottom}Z` }));
    svg.append(make('path', { class: 'chart-line', d: `M${line}${run.length === 1 ? 'h0.1' : ''}` }));
  }

  #point(event) {
    if (!this.#scale || !this.#data.points.length) return;
    const at = event.clientX - this.#plot.getBoundingClientRect().left;
    const distance = (point) => Math.abs(this.#scale.x(point.time) - at);
    const point = this.#data.points.reduce((one, other) => (distance(other) < distance(one) ? other : one));
    const [line, circle] = this.#marker.children;
    const x = this.#scale.x(point.time);
    line.setAttribute('x1', x);
    line.setAttribute('x2', x);
    circle.setAttribute('cx', x);
    circle.setAttribute('cy', this.#scale.y(point.value));
    this.#marker.setAttribute('visibility', 'visible');
    this.#readout.textContent = `${momentTime(new Date(point.time))} · ${this.#read(point.value)}`;
  }

  #unpoint() {
    this.#marker?.setAttribute('visibility', 'hidden');
    this.#readout.textContent = '';
  }
}

function make(name, attributes, text) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Round numbers from 0 to at least `most`, three or four of them. */
function ticksUpTo(most) {
  const magnitude = 10 ** Math.floor(Math.log10(most / 2));
  const step = Math.max(1, [1, 2, 5, 10].map((each) => each * magnitude).find((each) => each * 3 >= most) ?? most);
  const ticks = [0];
  while (ticks.at(-1) < most) ticks.push(ticks.at(-1) + step);
  return ticks;
}

/** Parts of the points without a gap between them. */
function runsOf(points, gap) {
  const runs = [];
  for (const point of points) {
    const last = runs.at(-1)?.at(-1);
    if (last && point.time - last.time <= gap) runs.at(-1).push(point);
    else runs.push([point]);
  }
  return runs;
}
