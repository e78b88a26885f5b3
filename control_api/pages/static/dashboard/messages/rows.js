/** The rows of the list: made once for each message, and changed in place. */

import { readableRecipient } from '../recipient.js';
import { exactTime, relativeTime } from '../texts.js';
import { showStatus } from './pill.js';
import { shortWhy } from './words.js';

const TEMPLATE = document.getElementById('row');

class Row {
  element = TEMPLATE.content.firstElementChild.cloneNode(true);
  #seen = '';
  #accepted;

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

  #write(message, connectionName) {
    this.#accepted = new Date(message.queuedAt);
    this.element.dataset.id = message.messageId;
    showStatus(this.#find('pill'), message.status);
    this.#set('why', shortWhy(message));
    this.#set('to', readableRecipient(message.to));
    this.#set('connection', connectionName);
    const time = this.#find('accepted');
    time.dateTime = message.queuedAt;
    time.title = exactTime(this.#accepted);
  }

  #set(name, text) {
    const element = this.#find(name);
    // What is the same is left alone: a screen reader may be reading it.
    if (element.textContent !== text) element.textContent = text;
  }

  #find(name) {
    return this.element.querySelector(`[data-${name}]`);
  }
}

/** The body of the table. */
export class Rows {
  #body;
  #rows = new Map();

  constructor(body, open) {
    this.#body = body;
    body.addEventListener('click', (event) => {
      // The whole row may be pressed; its button is there for keyboards and screen readers.
      const row = event.target.closest('tr');
      if (row && !String(getSelection())) open(row.dataset.id);
    });
  }

  /** Show these messages, in this order. */
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
      if (row.element === place) place = place.nextElementSibling;
      else this.#body.insertBefore(row.element, place);
    }
  }

  #rowOf(id) {
    if (!this.#rows.has(id)) this.#rows.set(id, new Row());
    return this.#rows.get(id);
  }
}
