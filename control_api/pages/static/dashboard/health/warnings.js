// @ts-check
/** What was logged lately as a warning or worse; the same again is counted, not repeated. */

import { byId, copyOf, one } from '../../shared/dom.js';
import { exactTime, momentTime, t } from '../texts.js';

/** @typedef {{record: Api.LogRecord, times: number}} Group */

const TEMPLATE = byId('warning', HTMLTemplateElement);
const SHOWN = 20;

/**
 * Show log records, newest first, in a list.
 * @param {HTMLElement} list
 * @param {Api.LogRecord[]} records
 */
export function showWarnings(list, records) {
  const groups = grouped(records).slice(0, SHOWN);
  const seen = JSON.stringify(groups.map((each) => [each.record.time, each.times]));
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.replaceChildren(...groups.map(item));
}

/** @param {Api.LogRecord[]} records */
function grouped(records) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const record of records) {
    const key = [record.level, record.process, record.worker, record.message].join('\n');
    const group = groups.get(key);
    if (group) group.times += 1;
    else groups.set(key, { record, times: 1 });
  }
  return [...groups.values()];
}

/** @param {Group} group */
function item({ record, times }) {
  const element = copyOf(TEMPLATE);
  /** @param {string} name */
  const find = (name) => one(element, `[data-${name}]`);
  find('level').dataset.level = record.level;
  find('word').textContent = t(`health.warnings.${record.level}`);
  const date = new Date(record.time);
  const time = one(element, '[data-time]', HTMLTimeElement);
  time.dateTime = record.time;
  time.textContent = momentTime(date);
  time.title = exactTime(date);
  find('from').textContent = [record.worker ?? record.process, record.connection].filter(Boolean).join(' · ');
  find('times').textContent = times > 1 ? t('health.warnings.times', { n: times }) : '';
  find('text').textContent = record.message;
  find('details').hidden = !record.exception;
  find('exception').textContent = record.exception ?? '';
  return element;
}
