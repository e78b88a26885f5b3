/** One connection as a card, which changes in place. */

import { exactTime, momentTime, number, relativeTime, t, timeSince } from '../texts.js';
import { meaningOf } from './meaning.js';

const TEMPLATE = document.getElementById('card');

/** A card; `act(action, connection)` is called when somebody chooses an action. */
export class Card {
  element;
  connection;
  #meaning = {};

  constructor(connection, act) {
    this.element = TEMPLATE.content.firstElementChild.cloneNode(true);
    this.element.addEventListener('click', (event) => {
      const button = event.target.closest('[data-action]');
      if (button) act(button.dataset.action, this.connection);
    });
    this.show(connection);
  }

  /** Show a connection; return the key of its state when that is another than before. */
  show(connection) {
    this.connection = connection;
    const before = this.#meaning.state;
    this.#meaning = meaningOf(connection);
    this.#text('name', connection.name);
    this.#showNumber(connection.phoneNumber);
    this.#showState();
    this.#text('waiting', number(connection.queue.queued));
    this.#text('sent', number(connection.sent));
    this.tick();
    return before && before !== this.#meaning.state ? this.#meaning.state : null;
  }

  /** Let times that are told relative to now go on. */
  tick() {
    this.#time('since', this.connection.since, relativeTime);
    this.#time('oldest', this.connection.queue.oldestQueuedAt, timeSince);
  }

  #showNumber(phoneNumber) {
    const place = this.#find('number');
    place.classList.toggle('quiet', !phoneNumber);
    place.dir = phoneNumber ? 'ltr' : '';
    this.#text('number', phoneNumber ? international(phoneNumber) : t('connections.no_number'));
  }

  #showState() {
    const { state, why, tone, acts, actions } = this.#meaning;
    this.element.dataset.tone = tone;
    const picture = tone === 'warn' ? 'bad' : tone;
    for (const each of this.element.querySelectorAll('[data-state] [data-tone]')) {
      each.hidden = each.dataset.tone !== picture;
    }
    this.#text('title', t(`connections.state.${state}`));
    this.#text('why', [t(`connections.why.${why}`), this.#until()].join(' ').trim());
    this.#text('acts', t(`connections.acts.${acts}`));
    for (const button of this.element.querySelectorAll('[data-action]')) {
      (button.closest('.menu-panel li') ?? button).hidden = !actions[button.dataset.action];
    }
    const footer = this.#find('actions');
    footer.hidden = !footer.querySelector('button:not([hidden])');
  }

  #until() {
    const { until } = this.connection;
    return until ? t('connections.until', { time: momentTime(new Date(until)) }) : '';
  }

  #time(name, moment, inWords) {
    const element = this.#find(name);
    if (!moment) {
      this.#text(name, t('connections.none'));
      element.removeAttribute('datetime');
      element.removeAttribute('title');
      return;
    }
    const date = new Date(moment);
    this.#text(name, inWords(date));
    element.dateTime = moment;
    element.title = exactTime(date);
  }

  #text(name, text) {
    const element = this.#find(name);
    // What is the same is left alone: a screen reader may be reading it.
    if (element.textContent !== text) element.textContent = text;
  }

  #find(name) {
    return this.element.querySelector(`[data-${name}]`);
  }
}

/** Write a number in groups, as people read it; ours have 7 to 15 digits behind the plus. */
function international(phoneNumber) {
  const israeli = /^\+972(\d{2})(\d{3})(\d{4})$/.exec(phoneNumber);
  return israeli ? `+972 ${israeli.slice(1).join('-')}` : phoneNumber;
}
