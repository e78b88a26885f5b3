// @ts-check
/** Create a webhook, or change one: its address, what it is told of, and of which connections. */

import { field, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { webhookPath } from '../paths.js';

/** @type {Record<string, string>} */
const KINDS = {
  address_not_allowed: 'address',
  url_not_allowed: 'address',
  connection_not_found: 'gone',
  webhook_not_found: 'gone',
  quota_exceeded: 'quota',
  no_encryption_keys: 'keys',
  rate_limited: 'many',
};
const ADDRESS = /^https?:\/\/[^\s/]+/i;
const ALL = '*';

/** The dialog. */
export class FormDialog {
  #me;
  #dialog = closable('hook-form');
  #form = one(this.#dialog, 'form', HTMLFormElement);
  #url = field(this.#form, 'url');
  #description = field(this.#form, 'description');
  #events = one(this.#form, '[data-which-events]');
  #connections = one(this.#form, '[data-which-connections]');
  /** @type {Api.Webhook | null} */
  #changes = null;
  /** @type {Api.Webhook | Api.CreatedWebhook | null} */
  #result = null;

  /** @param {string} me The owner of what is created here. */
  constructor(me) {
    this.#me = me;
    this.#form.addEventListener('change', () => this.#showWhich());
    this.#form.addEventListener('input', () => this.#complain(null));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /**
   * Return the webhook that was created or changed, or null.
   * @param {Api.Webhook | null} webhook The one to change; null creates one.
   * @returns {Promise<Api.Webhook | Api.CreatedWebhook | null>}
   */
  ask(webhook) {
    this.#form.reset();
    this.#changes = webhook;
    this.#result = null;
    this.#connections.replaceChildren();
    showOnly(this.#dialog, 'mode', webhook ? 'edit' : 'create');
    if (webhook) this.#fill(webhook);
    this.#showWhich();
    this.#complain(null);
    this.#dialog.showModal();
    this.#url.focus();
    this.#listConnections(webhook?.owner ?? this.#me, webhook?.connectionIds ?? []);
    return new Promise((resolve) => {
      this.#dialog.addEventListener('close', () => resolve(this.#result), { once: true });
    });
  }

  /** @param {Api.Webhook} webhook */
  #fill({ url, description, events, connectionIds }) {
    this.#url.value = url;
    this.#description.value = description ?? '';
    const all = events.includes(ALL);
    this.#choose('events-bound', all ? 'all' : 'some');
    this.#choose('connections-bound', connectionIds ? 'some' : 'all');
    for (const box of this.#boxes('events')) box.checked = events.includes(box.value);
  }

  /**
   * List the connections that can be chosen; without an answer it is told of all.
   * @param {string} owner
   * @param {string[]} chosen
   */
  async #listConnections(owner, chosen) {
    try {
      /** @type {Api.ConnectionList} */
      const { items } = await api('api/whatsapp/connections');
      const own = items.filter((each) => each.owner === owner);
      this.#connections.replaceChildren(...own.map((each) => connectionItem(each, chosen)));
    } catch (error) {
      this.#complain(kindOf(error, KINDS));
    }
  }

  #showWhich() {
    this.#events.hidden = this.#chosen('events-bound') !== 'some';
    this.#connections.hidden = this.#chosen('connections-bound') !== 'some';
  }

  async #submit() {
    const url = this.#url.value.trim();
    const events = this.#events.hidden ? [ALL] : this.#checked('events');
    const connectionIds = this.#connections.hidden ? null : this.#checked('connections');
    if (!ADDRESS.test(url)) return this.#complain('url', this.#url);
    if (!events.length) return this.#complain('events');
    if (connectionIds?.length === 0) return this.#complain('connections');
    const description = this.#description.value.trim() || undefined;
    const body = { url, events, description };
    try {
      const button = one(this.#form, '[type=submit]:not([hidden])', HTMLButtonElement);
      this.#result = await working(button, () => this.#send(body, connectionIds));
      this.#dialog.close();
    } catch (error) {
      const kind = kindOf(error, KINDS);
      this.#complain(kind, kind === 'address' ? this.#url : null);
    }
    return undefined;
  }

  /**
   * @param {object} body
   * @param {string[] | null} connectionIds
   */
  #send(body, connectionIds) {
    // To a change an empty list means all of them; what is left out stays as it is.
    if (this.#changes) return api(webhookPath(this.#changes), { method: 'PATCH', body: { ...body, connectionIds: connectionIds ?? [] } });
    return api('api/webhooks', { method: 'POST', body: { ...body, connectionIds: connectionIds ?? undefined } });
  }

  /** @param {string} name */
  #chosen(name) {
    return field(this.#form, name, RadioNodeList).value;
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  #choose(name, value) {
    field(this.#form, name, RadioNodeList).value = value;
  }

  /** @param {string} name */
  #checked(name) {
    return this.#boxes(name).filter(({ checked }) => checked).map(({ value }) => value);
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement[]}
   */
  #boxes(name) {
    return [...this.#form.querySelectorAll(`[name="${name}"]`)].filter((each) => each instanceof HTMLInputElement);
  }

  /**
   * @param {string | null} kind
   * @param {HTMLInputElement | null} [about]
   */
  #complain(kind, about = null) {
    showOnly(this.#form, 'error', kind);
    if (about) about.setAttribute('aria-invalid', 'true');
    else this.#url.removeAttribute('aria-invalid');
    about?.focus();
    // The form is taller than most windows.
    if (kind) one(this.#dialog, '#hook-form-errors').scrollIntoView({ block: 'nearest' });
  }
}

/**
 * @param {Api.Connection} connection
 * @param {string[]} chosen
 */
function connectionItem({ connectionId, name }, chosen) {
  const item = document.createElement('li');
  const label = document.createElement('label');
  const box = document.createElement('input');
  const text = document.createElement('bdi');
  Object.assign(box, { type: 'checkbox', name: 'connections', value: connectionId, checked: chosen.includes(connectionId) });
  text.textContent = name;
  label.append(box, text);
  item.append(label);
  return item;
}
