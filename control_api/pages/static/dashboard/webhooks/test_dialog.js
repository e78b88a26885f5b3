// @ts-check
/** Send a test to a webhook, and show what it answers. */

import { one, setText, showOnly } from '../../shared/dom.js';
import { api } from '../api.js';
import { closable, kindOf, working } from '../dialog.js';
import { webhookPath } from '../paths.js';
import { durationWord, outcomeWord } from './words.js';

/** @type {Record<string, string>} */
const KINDS = { webhook_not_found: 'gone', no_encryption_keys: 'keys', rate_limited: 'many', too_many_waiting_requests: 'many' };
const PATIENCE_MS = 40_000;

/** The dialog. */
export class TestDialog {
  #dialog = closable('hook-test');
  #again = one(this.#dialog, '[data-again]', HTMLButtonElement);
  /** @type {Api.Webhook | null} */
  #webhook = null;

  constructor() {
    this.#again.addEventListener('click', () => this.#run());
  }

  /** @param {Api.Webhook} webhook */
  open(webhook) {
    this.#webhook = webhook;
    setText(one(this.#dialog, '[data-test-url]'), webhook.url);
    this.#dialog.showModal();
    this.#run();
  }

  async #run() {
    const webhook = this.#webhook;
    if (!webhook) return;
    this.#shows('running');
    try {
      const ask = () => api(`${webhookPath(webhook)}/test`, { method: 'POST', within: PATIENCE_MS });
      /** @type {Api.WebhookTest} */
      const result = await working(this.#again, ask);
      if (webhook !== this.#webhook) return;
      this.#show(result);
    } catch (error) {
      this.#shows('error');
      showOnly(this.#dialog, 'error', kindOf(error, KINDS));
    }
  }

  /** @param {Api.WebhookTest} result */
  #show(result) {
    this.#shows(result.delivered ? 'good' : 'bad');
    one(this.#dialog, '[data-result]').hidden = false;
    setText(one(this.#dialog, '[data-outcome]'), outcomeWord(result));
    setText(one(this.#dialog, '[data-duration]'), durationWord(result));
    const answer = one(this.#dialog, '[data-answer]');
    answer.hidden = !result.answer;
    setText(one(answer, 'pre'), result.answer ?? '');
  }

  /** @param {string} what */
  #shows(what) {
    showOnly(this.#dialog, 'error', null);
    showOnly(this.#dialog, 'test-when', what);
    one(this.#dialog, '[data-result]').hidden = true;
    one(this.#dialog, '[data-answer]').hidden = true;
  }
}
