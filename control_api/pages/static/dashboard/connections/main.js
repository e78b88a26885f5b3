// @ts-check
/** The view of the connections: one card for each, kept true. */

import { byId, copyOf, one, setText, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { keepTrue } from '../live.js';
import { connectionPath } from '../paths.js';
import { t } from '../texts.js';
import { Actions } from './actions.js';
import { Card } from './card.js';

const TICK_MS = 10_000;
const COUNTED_AT_MOST_EVERY_MS = 1_500;
const GROUP = byId('group', HTMLTemplateElement);

class ConnectionsView {
  #root = byId('connections');
  #groups = one(this.#root, '[data-groups]');
  /** @type {Map<string, Card>} */
  #cards = new Map();
  /** @type {Map<string, string>} */
  #owners = new Map();
  /** @type {Set<string>} Keys of connections whose numbers are about to be asked for. */
  #counting = new Set();
  #actions;
  #refreshNow;

  constructor() {
    this.#refreshNow = keepTrue(() => this.#refresh(), {
      'connection.state': (data) => this.#changed(data),
      'connection.deleted': (data) => this.#deleted(data),
      'message.status': (data) => this.#count(data),
    });
    this.#actions = new Actions(this.#refreshNow);
    for (const button of this.#root.querySelectorAll('[data-create]')) {
      button.addEventListener('click', () => this.#actions.create(this.#ownIds()));
      button.removeAttribute('disabled');
    }
    one(this.#root, '[data-retry]').addEventListener('click', this.#refreshNow);
    setInterval(() => this.#cards.forEach((card) => card.tick()), TICK_MS);
  }

  async #refresh() {
    try {
      /** @type {Api.ConnectionList} */
      const { items } = await api(`api/whatsapp/connections?${sentToday()}`);
      await this.#learnOwners(items);
      this.#show(items);
    } catch (error) {
      if (this.#root.dataset.shows === 'loading') this.#switch('error');
      throw error;
    }
  }

  /**
   * Names of people are asked for only when somebody else's connections are there.
   * @param {Api.Connection[]} items
   */
  async #learnOwners(items) {
    const unknown = items.some(({ owner }) => !this.#isOwn(owner) && !this.#owners.has(owner));
    if (!unknown || this.#root.dataset.admin !== 'yes') return;
    /** @type {Api.UserList} */
    const { items: users } = await api('api/users');
    for (const { owner } of items) this.#owners.set(owner, owner);
    for (const { id, name } of users) this.#owners.set(id, name);
  }

  /**
   * Show what an event tells of a connection; an older event than what is shown changes nothing.
   * @param {Api.StateEvent} data
   */
  #changed(data) {
    const card = this.#cards.get(keyOf(data));
    if (!card) return false;
    const { connection } = card;
    const { state, reason, since } = data;
    const same = state === connection.state && reason === connection.reason && since === connection.since;
    if (!same && Date.parse(since) >= Date.parse(connection.since)) {
      // What an event does not name is not so any more.
      this.#showOne({ ...connection, reason: undefined, until: undefined, phoneNumber: undefined, ...data });
    }
    return true;
  }

  /** @param {Api.DeletedEvent} data */
  #deleted(data) {
    const left = [...this.#cards.values()].map((card) => card.connection);
    this.#show(left.filter((each) => keyOf(each) !== keyOf(data)));
    return true;
  }

  /**
   * Ask soon for the numbers of the connection that an event of a message names, and of no other.
   * @param {Api.StatusEvent} data
   */
  #count(data) {
    const key = keyOf(data);
    if (!this.#cards.has(key)) return false;
    if (this.#counting.has(key)) return true;
    this.#counting.add(key);
    setTimeout(() => {
      this.#counting.delete(key);
      this.#refreshOne(key).catch(() => this.#refreshNow());
    }, COUNTED_AT_MOST_EVERY_MS);
    return true;
  }

  /** @param {string} key */
  async #refreshOne(key) {
    const card = this.#cards.get(key);
    if (!card) return;
    const owner = new URLSearchParams({ owner: card.connection.owner });
    this.#showOne(await api(`${connectionPath(card.connection)}?${sentToday()}&${owner}`));
  }

  /** @param {Api.Connection[]} items */
  #show(items) {
    const known = new Set(items.map(keyOf));
    for (const [key, card] of this.#cards) {
      if (known.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    for (const connection of items) this.#showOne(connection);
    this.#arrange();
    this.#switch(items.length ? 'list' : 'empty');
  }

  /** @param {Api.Connection} connection */
  #showOne(connection) {
    const key = keyOf(connection);
    const card = this.#cards.get(key);
    if (card) {
      const state = card.show(connection);
      if (state) this.#announce(connection, state);
      return;
    }
    const scope = this.#isOwn(connection.owner) ? '' : `?owner=${encodeURIComponent(connection.owner)}`;
    this.#cards.set(key, new Card(connection, (action, current) => this.#actions.run(action, current, scope)));
  }

  /** Put cards into the lists of their owners, one's own first; leave alone what stands right. */
  #arrange() {
    const owners = [...new Set([...this.#cards.values()].map((card) => card.connection.owner))];
    owners.sort((first, second) => Number(this.#isOwn(second)) - Number(this.#isOwn(first)));
    for (const group of this.#groupElements()) {
      if (!owners.includes(group.dataset.owner ?? '')) group.remove();
    }
    owners.forEach((owner, place) => {
      const group = this.#groupOf(owner, owners.length > 1 || !this.#isOwn(owner));
      putAt(this.#groups, place, group);
      const cards = [...this.#cards.values()].filter((card) => card.connection.owner === owner);
      cards.forEach(({ element }, index) => putAt(one(group, '.cards'), index, element));
    });
  }

  /**
   * @param {string} owner
   * @param {boolean} named Whether the owner's name is shown.
   */
  #groupOf(owner, named) {
    const found = this.#groupElements().find((each) => each.dataset.owner === owner);
    const group = found ?? copyOf(GROUP);
    if (!found) {
      group.dataset.owner = owner;
      one(group, '[data-owner]').textContent = this.#owners.get(owner) ?? owner;
    }
    one(group, '.group-name').classList.toggle('visually-hidden', !named);
    return group;
  }

  #groupElements() {
    return /** @type {HTMLElement[]} */ ([...this.#groups.children]);
  }

  /** @param {string} shown */
  #switch(shown) {
    this.#root.dataset.shows = shown;
    showOnly(this.#root, 'when', shown);
  }

  /**
   * @param {Api.Connection} connection
   * @param {Api.State} state
   */
  #announce({ name }, state) {
    const words = { name, state: t(`connections.state.${state}`) };
    setText(one(this.#root, '[data-announce]'), t('connections.announce', words));
  }

  /** @param {string} owner */
  #isOwn(owner) {
    return owner === this.#root.dataset.me;
  }

  #ownIds() {
    const own = [...this.#cards.values()].filter((card) => this.#isOwn(card.connection.owner));
    return own.map((card) => card.connection.connectionId);
  }
}

/** @param {{owner: string, connectionId: string}} connection */
const keyOf = ({ owner, connectionId }) => `${owner}/${connectionId}`;

/** The query for what was sent since midnight here. */
function sentToday() {
  const since = new Date();
  since.setHours(0, 0, 0, 0);
  return `sentSince=${encodeURIComponent(since.toISOString())}`;
}

/**
 * @param {Element} list
 * @param {number} place
 * @param {Element} element
 */
function putAt(list, place, element) {
  const there = list.children[place];
  if (there !== element) list.insertBefore(element, there ?? null);
}

new ConnectionsView();
