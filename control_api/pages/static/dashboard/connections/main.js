/** The view of the connections: one card for each, kept true. */

import { api } from '../api.js';
import { keepTrue } from '../live.js';
import { t } from '../texts.js';
import { Actions } from './actions.js';
import { Card } from './card.js';

const TICK_MS = 10_000;
const GROUP = document.getElementById('group');

class ConnectionsView {
  #root = document.getElementById('connections');
  #groups = this.#root.querySelector('[data-groups]');
  #cards = new Map();
  #owners = new Map();
  #actions;

  run() {
    const now = keepTrue(() => this.#refresh(), ['connection.state', 'message.status']);
    this.#actions = new Actions(now);
    for (const button of this.#root.querySelectorAll('[data-create]')) {
      button.addEventListener('click', () => this.#actions.create(this.#ownIds()));
      button.disabled = false;
    }
    this.#root.querySelector('[data-retry]').addEventListener('click', now);
    setInterval(() => this.#cards.forEach((card) => card.tick()), TICK_MS);
  }

  async #refresh() {
    const since = new Date();
    since.setHours(0, 0, 0, 0);
    const query = `sentSince=${encodeURIComponent(since.toISOString())}`;
    try {
      const { items } = await api(`api/whatsapp/connections?${query}`);
      await this.#learnOwners(items);
      this.#show(items);
    } catch (error) {
      if (this.#root.dataset.shows === 'loading') this.#switch('error');
      throw error;
    }
  }

  /** Names of people are asked for only when somebody else's connections are there. */
  async #learnOwners(items) {
    const unknown = items.some(({ owner }) => !this.#isOwn(owner) && !this.#owners.has(owner));
    if (!unknown || this.#root.dataset.admin !== 'yes') return;
    const { items: users } = await api('api/users');
    for (const { owner } of items) this.#owners.set(owner, owner);
    for (const { id, name } of users) this.#owners.set(id, name);
  }

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

  #showOne(connection) {
    const key = keyOf(connection);
    const card = this.#cards.get(key);
    if (card) {
      const state = card.show(connection);
      if (state) this.#announce(connection, state);
      return;
    }
    const scope = this.#isOwn(connection.owner) ? '' : `?owner=${encodeURIComponent(connection.owner)}`;
    const act = (action, current) => this.#actions.run(action, current, scope);
    this.#cards.set(key, new Card(connection, act));
  }

  /** Put cards into the lists of their owners, one's own first; leave alone what stands right. */
  #arrange() {
    const owners = [...new Set([...this.#cards.values()].map((card) => card.connection.owner))];
    owners.sort((one, other) => this.#isOwn(other) - this.#isOwn(one));
    for (const group of [...this.#groups.children]) {
      if (!owners.includes(group.dataset.owner)) group.remove();
    }
    owners.forEach((owner, place) => {
      const group = this.#groupOf(owner, owners.length > 1 || !this.#isOwn(owner));
      if (this.#groups.children[place] !== group) this.#groups.insertBefore(group, this.#groups.children[place]);
      const list = group.querySelector('.cards');
      const cards = [...this.#cards.values()].filter((card) => card.connection.owner === owner);
      cards.forEach(({ element }, index) => {
        if (list.children[index] !== element) list.insertBefore(element, list.children[index]);
      });
    });
  }

  #groupOf(owner, named) {
    let group = [...this.#groups.children].find((each) => each.dataset.owner === owner);
    if (!group) {
      group = GROUP.content.firstElementChild.cloneNode(true);
      group.dataset.owner = owner;
      group.querySelector('[data-owner]').textContent = this.#owners.get(owner) ?? owner;
    }
    group.querySelector('.group-name').classList.toggle('visually-hidden', !named);
    return group;
  }

  #switch(shown) {
    this.#root.dataset.shows = shown;
    for (const part of this.#root.querySelectorAll('[data-when]')) {
      part.hidden = part.dataset.when !== shown;
    }
  }

  #announce({ name }, state) {
    const words = { name, state: t(`connections.state.${state}`) };
    this.#root.querySelector('[data-announce]').textContent = t('connections.announce', words);
  }

  #isOwn(owner) {
    return owner === this.#root.dataset.me;
  }

  #ownIds() {
    const own = [...this.#cards.values()].filter((card) => this.#isOwn(card.connection.owner));
    return own.map((card) => card.connection.connectionId);
  }
}

const keyOf = ({ owner, connectionId }) => `${owner}/${connectionId}`;

new ConnectionsView().run();
