// @ts-check
/** The view of webhooks: who is told of events, and whether they hear. */

import { MadeDialog } from '../account/made_dialog.js';
import { byId, closest, one, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { ConfirmDialog } from '../confirm_dialog.js';
import { kindOf, working } from '../dialog.js';
import { keepTrue } from '../live.js';
import { webhookPath } from '../paths.js';
import { t } from '../texts.js';
import { toast } from '../toast.js';
import { DeliveriesDialog } from './deliveries_dialog.js';
import { FormDialog } from './form_dialog.js';
import { showWebhooks } from './list.js';
import { RotateDialog } from './rotate_dialog.js';
import { TestDialog } from './test_dialog.js';

/** @type {Record<string, string>} */
const KINDS = { webhook_not_found: 'gone', rate_limited: 'many' };

class WebhooksView {
  #root = byId('webhooks');
  #me = this.#root.dataset.me ?? '';
  #list = one(this.#root, '[data-hooks]');
  #form = new FormDialog(this.#me);
  #made = new MadeDialog();
  #rotate = new RotateDialog();
  #test = new TestDialog();
  #deliveries = new DeliveriesDialog();
  #delete = new ConfirmDialog('delete-hook', { webhook_not_found: 'gone' });
  /** @type {Api.Webhook[]} */
  #webhooks = [];
  #refreshNow;

  constructor() {
    this.#root.addEventListener('click', (event) => {
      if (closest(event, '[data-create]')) this.#createOne();
      const button = closest(event, '[data-act]');
      const id = closest(event, '[data-id]')?.dataset.id;
      const webhook = this.#webhooks.find((each) => each.id === id);
      if (button instanceof HTMLButtonElement && webhook) this.#act(button, webhook);
    });
    this.#refreshNow = keepTrue(() => this.#refresh(), { 'webhook.disabled': () => false });
  }

  async #refresh() {
    try {
      /** @type {Api.WebhookList} */
      const { items } = await api('api/webhooks');
      this.#webhooks = items;
      showWebhooks(this.#list, items, ({ owner }) => (owner === this.#me ? '' : t('webhooks.of_other')));
      this.#shows(items.length ? 'list' : 'empty');
    } catch (error) {
      if (!this.#webhooks.length) this.#shows('error');
      throw error;
    }
    await this.#deliveries.refresh();
  }

  async #createOne() {
    const made = await this.#form.ask(null);
    if (!made) return;
    this.#refreshNow();
    if ('secret' in made) this.#made.show({ name: made.url, key: made.secret });
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {Api.Webhook} webhook
   */
  async #act(button, webhook) {
    /** @type {Record<string, () => unknown>} */
    const acts = {
      test: () => this.#test.open(webhook),
      deliveries: () => this.#deliveries.open(webhook),
      edit: async () => (await this.#form.ask(webhook)) && toast(t('webhooks.done.edit')),
      rotate: () => this.#newSecret(webhook),
      on: () => this.#switch(button, webhook, true),
      off: () => this.#switch(button, webhook, false),
      delete: () => this.#deleteOne(webhook),
    };
    await acts[button.dataset.act ?? '']?.();
    this.#refreshNow();
  }

  /** @param {Api.Webhook} webhook */
  async #newSecret(webhook) {
    const secret = await this.#rotate.ask(webhook);
    if (secret) this.#made.show({ name: webhook.url, key: secret });
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {Api.Webhook} webhook
   * @param {boolean} enabled
   */
  async #switch(button, webhook, enabled) {
    try {
      await working(button, () => api(webhookPath(webhook), { method: 'PATCH', body: { enabled } }));
      toast(t(`webhooks.done.${enabled ? 'on' : 'off'}`));
    } catch (error) {
      toast(t(`webhooks.error.${kindOf(error, KINDS)}`));
    }
  }

  /** @param {Api.Webhook} webhook */
  async #deleteOne(webhook) {
    const send = () => api(webhookPath(webhook), { method: 'DELETE' });
    if (await this.#delete.ask({ name: webhook.url }, send)) toast(t('webhooks.done.delete'));
  }

  /** @param {string} what */
  #shows(what) {
    showOnly(this.#root, 'when', what);
  }
}

new WebhooksView();
