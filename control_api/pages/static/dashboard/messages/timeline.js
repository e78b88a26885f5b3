/** The way of one message as a list of steps: those behind it with their times, those to come. */

import { showOnly } from '../../shared/dom.js';
import { exactTime, t } from '../texts.js';
import { statusWord } from './words.js';

const WAY = ['queued', 'sending', 'sent', 'delivered', 'read'];
const ENDS = ['failed', 'expired', 'cancelled', 'unknown'];
const TEMPLATE = document.getElementById('step');

/** Show the steps of a message in a list; what is the same is left alone. */
export function showTimeline(list, message) {
  const steps = stepsOf(message);
  while (list.children.length > steps.length) list.lastElementChild.remove();
  steps.forEach((step, place) => {
    const item = list.children[place] ?? list.appendChild(TEMPLATE.content.firstElementChild.cloneNode(true));
    showStep(item, step);
  });
}

function stepsOf(message) {
  const reached = [...WAY, ...ENDS]
    .filter((status) => message[`${status}At`])
    .map((status) => ({ status, time: message[`${status}At`] }))
    .sort((one, other) => Date.parse(one.time) - Date.parse(other.time));
  const last = reached.at(-1);
  // One that was sent again waits once more, and its old times tell what was before.
  if (last.status !== message.status) {
    reached.push({ status: message.status, again: message.status === 'queued' });
  }
  reached.at(-1).current = true;
  const ahead = ENDS.includes(message.status) ? [] : WAY.slice(WAY.indexOf(message.status) + 1);
  return [...reached, ...ahead.map((status) => ({ status, ahead: true }))];
}

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
  item.querySelector('[data-word]').textContent = again ? t('messages.queued_again') : statusWord(status);
  item.querySelector('[data-not-yet]').hidden = !ahead;
  const clock = item.querySelector('[data-time]');
  clock.textContent = time ? exactTime(new Date(time)) : '';
  if (time) clock.dateTime = time;
  else clock.removeAttribute('datetime');
}
