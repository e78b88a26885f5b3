// @ts-check
/** The way of one message as a list of steps: those behind it with their times, those to come. */

import { byId, copyOf, one, showOnly } from '../../shared/dom.js';
import { exactTime, t } from '../texts.js';
import { statusWord } from './words.js';

/**
 * @typedef {object} Step
 * @property {Api.MessageStatus} status
 * @property {string} [time]
 * @property {boolean} [current]
 * @property {boolean} [ahead] Whether it is still to come.
 * @property {boolean} [again] Whether the message waits once more.
 */

/** @type {Api.MessageStatus[]} */
const WAY = ['queued', 'sending', 'sent', 'delivered', 'read'];
/** @type {Api.MessageStatus[]} */
const ENDS = ['failed', 'expired', 'cancelled', 'unknown'];
const TEMPLATE = byId('step', HTMLTemplateElement);

/**
 * Show the steps of a message in a list; what is the same is left alone.
 * @param {HTMLElement} list
 * @param {Api.Message} message
 */
export function showTimeline(list, message) {
  const steps = stepsOf(message);
  while (list.children.length > steps.length) list.lastElementChild?.remove();
  steps.forEach((step, place) => {
    const item = list.children[place] ?? list.appendChild(copyOf(TEMPLATE));
    showStep(/** @type {HTMLElement} */ (item), step);
  });
}

/**
 * @param {Api.Message} message
 * @returns {Step[]}
 */
function stepsOf(message) {
  /** @type {Step[]} */
  const reached = [...WAY, ...ENDS]
    .map((status) => ({ status, time: message[`${status}At`] ?? '' }))
    .filter(({ time }) => time)
    .sort((first, second) => Date.parse(first.time) - Date.parse(second.time));
  const last = reached.pop();
  // One that was sent again waits once more, and its old times tell what was before.
  if (last?.status === message.status) reached.push({ ...last, current: true });
  else {
    if (last) reached.push(last);
    reached.push({ status: message.status, again: message.status === 'queued', current: true });
  }
  const ahead = ENDS.includes(message.status) ? [] : WAY.slice(WAY.indexOf(message.status) + 1);
  return [...reached, ...ahead.map((status) => ({ status, ahead: true }))];
}

/**
 * @param {HTMLElement} item
 * @param {Step} step
 */
function showStep(item, { status, time, current, ahead, again }) {
  const state = ahead ? 'ahead' : current ? 'current' : 'behind';
  const same = [status, state, time ?? ''].join(' ');
  if (item.dataset.step === same) return;
  item.dataset.step = same;
  item.dataset.state = state;
  item.dataset.status = status;
  if (current) item.setAttribute('aria-current', 'step');
  else item.removeAttribute('aria-current');
  showOnly(item, 'picture', status);
  one(item, '[data-word]').textContent = again ? t('messages.queued_again') : statusWord(status);
  one(item, '[data-not-yet]').hidden = !ahead;
  const clock = one(item, '[data-time]', HTMLTimeElement);
  clock.textContent = time ? exactTime(new Date(time)) : '';
  if (time) clock.dateTime = time;
  else clock.removeAttribute('datetime');
}
