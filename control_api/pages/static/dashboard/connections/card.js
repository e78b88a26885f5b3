// @ts-check
/** One connection as a card, which changes in place. */

import { byId, closest, copyOf, one, setText } from '../../shared/dom.js';
import { exactTime, momentTime, number, relativeTime, t, timeSince } from '../texts.js';
import { meaningOf } from './meaning.js';

const TEMPLATE = byId('card', HTMLTemplateElement);

/** A card; `act(action, connection)` is called when somebody chooses an action. */
export class Card {
  element;
  connection;
  #meaning;

  /**
   * @param {Api.Connection} connection
   * @param {(action: string, connection: Api.Connection) => void} act
   */
  constructor(connection, act) {
    this.element = copyOf(TEMPLATE);
    this.element.addEventListener('click', (event) => {
      const action = closest(event, '[data-action]')?.dataset.action;
      if (action) act(action, this.connection);
    });
    this.connection = connection;
    this.#meaning = meaningOf(connection);
    this.show(connection);
  }

  /**
   * Show a connection; return its state when that is another than before.
   * @param {Api.Connection} connection
   */
  show(connection) {
    this.connection = connection;
    const before = this.#meaning.state;
    this.#meaning = meaningOf(connection);
    this.#text('name', connection.name);
    this.#showNumber(connection.phoneNumber);
    this.#showState();
    this.#text('waiting', number(connection.queue.queued));
    this.#text('sent', number(connection.sent ?? 0));
    this.tick();
    return before === this.#meaning.state ? null : this.#meaning.state;
  }

  /** Let times that are told relative to now go on. */
  tick() {
    this.#time('since', this.connection.since, relativeTime);
    this.#time('oldest', this.connection.queue.oldestQueuedAt, timeSince);
  }

  /** @param {string | null} [phoneNumber] */
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
    for (const each of this.#all('[data-state] [data-tone]')) each.hidden = each.dataset.tone !== picture;
    this.#text('title', t(`connections.state.${state}`));
    this.#text('why', [t(`connections.why.${why}`), this.#until()].join(' ').trim());
    this.#text('acts', t(`connections.acts.${acts}`));
    for (const button of this.#all('[data-action]')) {
      const part = /** @type {HTMLElement | null} */ (button.closest('.menu-panel li')) ?? button;
      part.hidden = !actions[button.dataset.action ?? ''];
    }
    const footer = this.#find('actions');
    footer.hidden = !footer.querySelector('button:not([hidden])');
  }

  #until() {
    const { until } = this.connection;
    return until ? t('connections.until', { time: momentTime(new Date(until)) }) : '';
  }

  /**
   * @param {string} name
   * @param {string | null | undefined} moment
   * @param {(date: Date) => string} inWords
   */
  #time(name, moment, inWords) {
    const element = one(this.element, `[data-${name}]`, HTMLTimeElement);
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

  /**
   * @param {string} name
   * @param {string} text
   */
  #text(name, text) {
    setText(this.#find(name), text);
  }

  /** @param {string} name */
  #find(name) {
    return one(this.element, `[data-${name}]`);
  }

  /**
   * @param {string} selector
   * @returns {NodeListOf<HTMLElement>}
   */
  #all(selector) {
    return this.element.querySelectorAll(selector);
  }
}

/**
 * Write a number in groups, as people read it; ours have 7 to 15 digits behind the plus.
 * @param {string} phoneNumber
 */
function international(phoneNumber) {
  const israeli = /^\+972(\d{2})(\d{3})(\d{4})$/.exec(phoneNumber);
  return israeli ? `+972 ${israeli.slice(1).join('-')}` : phoneNumber;
}
