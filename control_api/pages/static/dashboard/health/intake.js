// @ts-check
/** The arq jobs that were refused: whoever sent them was not told. */

import { byId, copyOf, one } from '../../shared/dom.js';
import { exactTime, momentTime } from '../texts.js';

const TEMPLATE = byId('intake-failure', HTMLTemplateElement);

/**
 * Show refused jobs, newest first, in a list.
 * @param {HTMLElement} list
 * @param {Api.IntakeFailure[]} failures
 */
export function showIntakeFailures(list, failures) {
  const seen = JSON.stringify(failures);
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.replaceChildren(...failures.map(item));
}

/** @param {Api.IntakeFailure} failure */
function item({ job, reason, failedAt }) {
  const element = copyOf(TEMPLATE);
  one(element, '[data-job]').textContent = job;
  one(element, '[data-reason]').textContent = reason;
  const time = one(element, '[data-time]', HTMLTimeElement);
  time.dateTime = failedAt;
  time.textContent = momentTime(new Date(failedAt));
  time.title = exactTime(new Date(failedAt));
  return element;
}
