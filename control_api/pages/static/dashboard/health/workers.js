/** The workers, each with its load and when it was heard of last. */

import { number, relativeTime, t } from '../texts.js';

const TEMPLATE = document.getElementById('worker');

/** Show workers in a list; `version` is that of the API. */
export function showWorkers(list, workers, version) {
  const seen = JSON.stringify([workers.map((each) => [each, relativeTime(new Date(each.seenAt))]), version]);
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.replaceChildren(...workers.map((each) => item(each, version)));
}

function item(worker, version) {
  const element = TEMPLATE.content.firstElementChild.cloneNode(true);
  const find = (name) => element.querySelector(`[data-${name}]`);
  find('name').textContent = worker.worker;
  find('state').dataset.state = worker.alive ? 'ok' : 'down';
  find('word').textContent = t(`health.worker.${worker.alive ? 'alive' : 'lost'}`);
  const load = t('health.worker.load', { running: number(worker.running), capacity: number(worker.capacity) });
  find('load').textContent = load;
  Object.assign(find('meter'), { max: worker.capacity, value: worker.running, ariaLabel: load });
  find('load').parentElement.hidden = !worker.alive;
  find('facts').textContent = facts(worker, version).join(' · ');
  return element;
}

function facts({ alive, startedAt, seenAt, version }, apiVersion) {
  const said = [];
  if (alive && startedAt) said.push(t('health.worker.since', { time: relativeTime(new Date(startedAt)) }));
  if (!alive) said.push(t('health.worker.seen', { time: relativeTime(new Date(seenAt)) }));
  if (version) said.push(t('health.worker.version', { version }));
  if (version && apiVersion && version !== apiVersion) said.push(t('health.worker.other_version'));
  return said;
}
