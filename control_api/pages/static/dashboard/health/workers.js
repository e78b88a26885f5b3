// @ts-check
/** The workers, each with its load and when it was heard of last. */

import { byId, copyOf, one } from '../../shared/dom.js';
import { relativeTime, t } from '../texts.js';

const TEMPLATE = byId('worker', HTMLTemplateElement);

/**
 * Show workers in a list; `version` is that of the API.
 * @param {HTMLElement} list
 * @param {Api.Worker[]} workers
 * @param {string} [version]
 */
export function showWorkers(list, workers, version) {
  const seen = JSON.stringify([workers.map((each) => [each, relativeTime(new Date(each.seenAt))]), version]);
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.replaceChildren(...workers.map((each) => item(each, version)));
}

/**
 * @param {Api.Worker} worker
 * @param {string} [version]
 */
function item(worker, version) {
  const element = copyOf(TEMPLATE);
  /** @param {string} name */
  const find = (name) => one(element, `[data-${name}]`);
  find('name').textContent = worker.worker;
  find('state').dataset.state = worker.alive ? 'ok' : 'down';
  find('word').textContent = t(`health.worker.${worker.alive ? 'alive' : 'lost'}`);
  const load = t('health.worker.load', { running: worker.running, n: worker.capacity });
  find('load').textContent = load;
  const meter = one(element, '[data-meter]', HTMLMeterElement);
  Object.assign(meter, { max: worker.capacity, value: worker.running, ariaLabel: load });
  one(element, '.load').hidden = !worker.alive;
  find('facts').textContent = facts(worker, version).join(' · ');
  return element;
}

/**
 * @param {Api.Worker} worker
 * @param {string} [apiVersion]
 */
function facts({ alive, startedAt, seenAt, version }, apiVersion) {
  const said = [];
  if (alive && startedAt) said.push(t('health.worker.since', { time: relativeTime(new Date(startedAt)) }));
  if (!alive) said.push(t('health.worker.seen', { time: relativeTime(new Date(seenAt)) }));
  if (version) said.push(t('health.worker.version', { version }));
  if (version && apiVersion && version !== apiVersion) said.push(t('health.worker.other_version'));
  return said;
}
