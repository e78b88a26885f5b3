// @ts-check
/** What a webhook was and is to be told, each with its tries; what was given up can be sent again. */

import { byId, closest, copyOf, field, one, setText, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { webhookPath } from '../paths.js';
import { exactTime, momentTime, t } from '../texts.js';
import { toast } from '../toast.js';
import { durationWord, eventWord, outcomeWord } from './words.js';

const PAGE = 30;
const DELIVERY = byId('delivery', HTMLTemplateElement);
const TRY = byId('try', HTMLTemplateElement);
/** @type {Record<string, string>} */
const KINDS = { webhook_not_found: 'gone', delivery_not_found: 'gone', rate_limited: 'many' };

/** The dialog. */
export class DeliveriesDialog {
  #dialog = closable('deliveries');
  #filter = one(this.#dialog, '[data-filter]', HTMLFormElement);
  #list = one(this.#dialog, '[data-deliveries]');
  /** @type {Api.Webhook | null} */
  #webhook = null;
  /** @type {Api.Delivery[]} */
  #items = [];
  /** @type {string | null} */
  #cursor = null;
  #asked = 0;

  constructor() {
    this.#filter.addEventListener('change', () => this.#restart());
    this.#filter.addEventListener('submit', (event) => event.preventDefault());
    this.#dialog.addEventListener('close', () => { this.#webhook = null; });
    this.#dialog.addEventListener('click', (event) => {
      const button = closest(event, '[data-redrive]');
      if (button instanceof HTMLButtonElement) this.#redrive(button);
    });
    const older = one(this.#dialog, '[data-older]', HTMLButtonElement);
    older.addEventListener('click', () => working(older, () => this.#load(this.#cursor)).catch((error) => this.#refuse(error)));
  }

  /** @param {Api.Webhook} webhook */
  open(webhook) {
    this.#webhook = webhook;
    this.#filter.reset();
    setText(one(this.#dialog, '[data-deliveries-url]'), webhook.url);
    this.#dialog.showModal();
    this.#restart();
  }

  /** Ask anew, if it is open. Throws when the API does not answer. */
  async refresh() {
    // Who has looked further back is not thrown back to the beginning.
    if (this.#webhook && this.#items.length <= PAGE) await this.#load(null);
  }

  #restart() {
    this.#items = [];
    this.#cursor = null;
    this.#shows('loading');
    this.#load(null).catch((error) => this.#refuse(error));
  }

  /** @param {string | null} cursor */
  async #load(cursor) {
    const webhook = this.#webhook;
    if (!webhook) return;
    this.#asked += 1;
    const asked = this.#asked;
    const query = new URLSearchParams({ limit: String(PAGE) });
    const status = field(this.#filter, 'status', RadioNodeList).value;
    if (status) query.set('status', status);
    if (cursor) query.set('cursor', cursor);
    /** @type {Api.DeliveryList} */
    const page = await api(`${webhookPath(webhook)}/deliveries?${query}`);
    if (asked !== this.#asked || webhook !== this.#webhook) return;
    this.#items = cursor ? [...this.#items, ...page.items] : page.items;
    this.#cursor = page.cursor ?? null;
    this.#show();
  }

  #show() {
    const open = new Set([...this.#list.querySelectorAll('details[open]')].map((each) => each.getAttribute('data-id')));
    const seen = JSON.stringify(this.#items);
    if (this.#list.dataset.seen !== seen) {
      this.#list.dataset.seen = seen;
      this.#list.replaceChildren(...this.#items.map((each) => deliveryItem(each, open.has(each.id))));
    }
    one(this.#dialog, '[data-older]').hidden = !this.#cursor;
    one(this.#dialog, '[data-redrive=all]').hidden = !this.#items.some((each) => each.status === 'failed');
    this.#shows(this.#items.length ? 'list' : 'none');
  }

  /** @param {HTMLButtonElement} button */
  async #redrive(button) {
    const webhook = this.#webhook;
    if (!webhook) return;
    const { redrive: id } = button.dataset;
    const body = id === 'all' ? undefined : { ids: [id] };
    showOnly(this.#dialog, 'error', null);
    try {
      const path = `${webhookPath(webhook)}/redrive`;
      /** @type {Api.Redriven} */
      const { redriven } = await working(button, () => api(path, { method: 'POST', body }));
      toast(t('webhooks.done.again', { n: redriven }));
      await this.#load(null);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** @param {unknown} error */
  #refuse(error) {
    if (!this.#items.length) this.#shows(null);
    showOnly(this.#dialog, 'error', kindOf(error, KINDS));
  }

  /** @param {string | null} what */
  #shows(what) {
    showOnly(this.#dialog, 'error', null);
    showOnly(this.#dialog, 'deliveries-when', what);
  }
}

/**
 * @param {Api.Delivery} delivery
 * @param {boolean} open
 */
function deliveryItem(delivery, open) {
  const element = copyOf(DELIVERY);
  const details = one(element, 'details', HTMLDetailsElement);
  details.dataset.id = delivery.id;
  details.open = open;
  element.dataset.status = delivery.status;
  setText(one(element, '[data-type]'), eventWord(delivery.type));
  setText(one(element, '[data-status-word]'), t(`webhooks.delivery.${delivery.status}`));
  const created = new Date(delivery.createdAt);
  const time = one(element, '[data-created]', HTMLTimeElement);
  time.dateTime = delivery.createdAt;
  time.title = exactTime(created);
  setText(time, momentTime(created));
  setText(one(element, '[data-event-id]'), delivery.id);
  const next = one(element, '[data-next]');
  next.hidden = !delivery.dueAt;
  setText(next, delivery.dueAt ? t('webhooks.deliveries.next', { time: momentTime(new Date(delivery.dueAt)) }) : '');
  setText(one(element, '[data-count]'), delivery.tries.length ? t('webhooks.deliveries.tries', { n: delivery.tries.length }) : '');
  one(element, '[data-tries]').replaceChildren(...delivery.tries.map(tryItem));
  const again = one(element, '[data-redrive]');
  again.dataset.redrive = delivery.id;
  again.hidden = delivery.status === 'pending';
  return element;
}

/** @param {Api.Try} made */
function tryItem(made) {
  const element = copyOf(TRY);
  const good = (made.statusCode ?? 0) >= 200 && (made.statusCode ?? 0) < 300;
  element.toggleAttribute('data-good', good);
  setText(one(element, '[data-at]'), exactTime(new Date(made.at)));
  setText(one(element, '[data-outcome]'), outcomeWord(made));
  setText(one(element, '[data-duration]'), durationWord(made));
  const answer = one(element, 'pre');
  answer.hidden = !made.answer;
  setText(answer, made.answer ?? '');
  return element;
}
