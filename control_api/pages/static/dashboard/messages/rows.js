// @ts-check
/** The rows of the list: made once for each message, and changed in place. */

import { byId, closest, copyOf, one, setText } from '../../shared/dom.js';
import { readableRecipient } from '../recipient.js';
import { said } from '../said.js';
import { exactTime, relativeTime } from '../texts.js';
import { showStatus } from './pill.js';
import { shortWhy } from './words.js';

const TEMPLATE = byId('row', HTMLTemplateElement);
const SHOWN = 200;

class Row {
  element = copyOf(TEMPLATE);
  #seen = '';
  #accepted = new Date();

  /**
   * @param {Api.Message} message
   * @param {string} connectionName
   */
  show(message, connectionName) {
    const seen = JSON.stringify([message, connectionName]);
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#write(message, connectionName);
    }
    this.tick();
  }

  /** Let the time that is told relative to now go on. */
  tick() {
    this.#set('accepted', relativeTime(this.#accepted));
  }

  /**
   * @param {Api.Message} message
   * @param {string} connectionName
   */
  #write(message, connectionName) {
    this.#accepted = new Date(message.queuedAt);
    this.element.dataset.id = message.messageId;
    showStatus(this.#find('pill'), message.status);
    this.#set('why', shortWhy(message));
    this.#set('to', readableRecipient(message.to));
    this.#set('said', brief(said(message)));
    this.#set('connection', connectionName);
    const time = one(this.element, '[data-accepted]', HTMLTimeElement);
    time.dateTime = message.queuedAt;
    time.title = exactTime(this.#accepted);
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #set(name, text) {
    setText(this.#find(name), text);
  }

  /** @param {string} name */
  #find(name) {
    return one(this.element, `[data-${name}]`);
  }
}

/**
 * The beginning of a text: the row shows one line of it.
 * @param {string} text
 */
const brief = (text) => text.slice(0, SHOWN);

/** The body of the table. */
export class Rows {
  #body;
  /** @type {Map<string, Row>} */
  #rows = new Map();

  /**
   * @param {HTMLElement} body
   * @param {(id: string) => void} open
   */
  constructor(body, open) {
    this.#body = body;
    body.addEventListener('click', (event) => {
      // The whole row may be pressed; its button is there for keyboards and screen readers.
      const id = closest(event, 'tr')?.dataset.id;
      if (id && !String(getSelection())) open(id);
    });
  }

  /**
   * Show these messages, in this order.
   * @param {Api.Message[]} messages
   * @param {(message: Api.Message) => string} nameOf
   */
  show(messages, nameOf) {
    const wanted = new Set(messages.map((each) => each.messageId));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    let place = this.#body.firstElementChild;
    for (const message of messages) {
      const row = this.#rowOf(message.messageId);
      row.show(message, nameOf(message));
      if (row.element === place) place = row.element.nextElementSibling;
      else this.#body.insertBefore(row.element, place);
    }
  }

  /** @param {string} id */
  #rowOf(id) {
    const row = this.#rows.get(id) ?? new Row();
    this.#rows.set(id, row);
    return row;
  }
}
