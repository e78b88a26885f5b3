/** What was logged lately as a warning or worse; the same again is counted, not repeated. */

import { exactTime, momentTime, number, t } from '../texts.js';

const TEMPLATE = document.getElementById('warning');
const SHOWN = 20;

/** Show log records, newest first, in a list. */
export function showWarnings(list, records) {
  const groups = grouped(records).slice(0, SHOWN);
  const seen = JSON.stringify(groups.map((each) => [each.record.time, each.times]));
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.replaceChildren(...groups.map(item));
}

function grouped(records) {
  const groups = new Map();
  for (const record of records) {
    const key = [record.level, record.process, record.worker, record.message].join('\n');
    if (groups.has(key)) groups.get(key).times += 1;
    else groups.set(key, { record, times: 1 });
  }
  return [...groups.values()];
}

function item({ record, times }) {
  const element = TEMPLATE.content.firstElementChild.cloneNode(true);
  const find = (name) => element.querySelector(`[data-${name}]`);
  find('level').dataset.level = record.level;
  find('word').textContent = t(`health.warnings.${record.level}`);
  const date = new Date(record.time);
  find('time').dateTime = record.time;
  find('time').textContent = momentTime(date);
  find('time').title = exactTime(date);
  find('from').textContent = [record.worker ?? record.process, record.connection].filter(Boolean).join(' · ');
  find('times').textContent = times > 1 ? t('health.warnings.times', { n: number(times) }) : '';
  find('text').textContent = record.message;
  find('details').hidden = !record.exception;
  find('exception').textContent = record.exception ?? '';
  return element;
}
