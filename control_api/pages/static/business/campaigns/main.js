// @ts-check
/** The view of campaigns: one text to a list, and what becomes of it, as it happens. */

import { api } from '../../dashboard/api.js';
import { ConfirmDialog } from '../../dashboard/confirm_dialog.js';
import { keepTrue } from '../../dashboard/live.js';
import { t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, copyOf, field, one, setText } from '../../shared/dom.js';
import { FormDialog, Wrong } from '../form_dialog.js';
import { fillForm, fillSelect, valuesOf } from '../form_values.js';
import { fieldValue } from '../local_time.js';
import { KINDS, allTemplates, doing, onActs, own, ownConnections, post, templateName } from '../records.js';
import { RecordList } from '../record_list.js';
import { audienceOf, fillCard } from './card.js';

const CARD = byId('campaign', HTMLTemplateElement);
const ALL_KNOWN_FOR_MS = 25_000;
/** A subscriber has no value for these variables, and would get nothing. */
const OF_APPOINTMENTS = /\b(appointment|event)\./;

class CampaignsView {
  #root = byId('campaigns');
  /** @type {RecordList<Api.Campaign>} */
  #list = new RecordList(this.#root, {
    path: () => own('api/campaigns'),
    item: (campaign) => this.#fill(copyOf(CARD), campaign),
    // Numbers that change are written where they stand, since somebody may be reading there.
    seen: (campaign) => [{ ...campaign, counts: null }, this.#templates.length, this.#audience(campaign.list)],
  });
  #form = new FormDialog('campaign-form', KINDS);
  #start = new ConfirmDialog('start-campaign', KINDS);
  #cancel = new ConfirmDialog('cancel-campaign', KINDS);
  /** @type {Api.Template[]} */
  #templates = [];
  /** @type {Api.SubscribedList[]} */
  #lists = [];
  /** @type {Api.Campaign | null} */
  #changes = null;
  #allAskedAt = -Infinity;

  constructor() {
    const refresh = keepTrue(() => this.#refresh(), { 'message.status': () => false });
    onActs(this.#root, this.#list, { create: () => this.#edit(null) }, {
      edit: (campaign) => this.#edit(campaign),
      start: (campaign) => this.#ask(this.#start, campaign, 'start'),
      cancel: (campaign) => this.#ask(this.#cancel, campaign, 'cancel'),
      pause: (campaign, button) => doing(button, () => this.#move(campaign, 'pause'), 'business.campaigns.done.pause'),
      resume: (campaign, button) => doing(button, () => this.#move(campaign, 'resume'), 'business.campaigns.done.resume'),
    }, () => {
      this.#allAskedAt = -Infinity;
      refresh();
    });
    this.#form.form.addEventListener('change', () => this.#showAudience());
  }

  /** Ask for everything now and then, and in between for those that run: their numbers change. */
  async #refresh() {
    if (performance.now() - this.#allAskedAt > ALL_KNOWN_FOR_MS) return this.#refreshAll();
    const running = this.#list.records.filter(({ status }) => status === 'running');
    const found = await Promise.all(running.map(({ id }) => api(`api/campaigns/${id}`)));
    for (const campaign of found) {
      if (campaign.status !== 'running') return this.#refreshAll();
      this.#fill(one(this.#root, `[data-id="${campaign.id}"]`), campaign);
    }
    return undefined;
  }

  async #refreshAll() {
    const asked = [api(own('api/subscribers/lists')), ownConnections(), allTemplates()];
    const [lists, connections, templates] = await Promise.all(asked);
    this.#lists = lists.items;
    this.#templates = templates;
    const usable = this.#templates.filter(({ texts }) => !Object.values(texts).some((text) => OF_APPOINTMENTS.test(text)));
    const { form } = this.#form;
    fillSelect(field(form, 'connectionId', HTMLSelectElement), connections);
    fillSelect(field(form, 'template', HTMLSelectElement), usable.map((each) => ({ value: each.id, text: templateName(each) })));
    fillSelect(field(form, 'list', HTMLSelectElement), this.#lists.map(({ list }) => ({ value: list, text: list })));
    this.#showAudience();
    one(this.#root, '[data-no-subscribers]').hidden = this.#lists.length > 0;
    const before = new Map(this.#list.records.map(({ id, status }) => [id, status]));
    await this.#list.refresh();
    this.#allAskedAt = performance.now();
    for (const campaign of this.#list.records) {
      this.#fill(one(this.#root, `[data-id="${campaign.id}"]`), campaign);
      if (before.get(campaign.id) === 'running' && campaign.status !== 'running') this.#tell(campaign);
    }
  }

  /** @param {Api.Campaign} campaign */
  #tell({ name, status }) {
    toast(t('business.campaigns.moved', { name, status: t(`business.campaigns.status.${status}`) }));
  }

  /**
   * @param {HTMLElement} card
   * @param {Api.Campaign} campaign
   */
  #fill(card, campaign) {
    const template = this.#templates.find(({ id }) => id === campaign.template);
    fillCard(card, campaign, templateName(template), this.#audience(campaign.list));
    return card;
  }

  /** @param {string} name */
  #audience(name) {
    return audienceOf(this.#lists.find(({ list }) => list === name));
  }

  #showAudience() {
    const { value } = field(this.#form.form, 'list', HTMLSelectElement);
    setText(one(this.#form.form, '[data-audience]'), this.#audience(value));
  }

  /** @param {Api.Campaign | null} campaign */
  async #edit(campaign) {
    this.#changes = campaign;
    const { name, template, list, sendAt } = campaign ?? {};
    const values = campaign ? { name, template, list, sendAt: sendAt && fieldValue(new Date(sendAt)) } : {};
    const mode = campaign ? 'edit' : 'create';
    const { form } = this.#form;
    if (await this.#form.ask(() => fillForm(form, mode, values), () => this.#send(valuesOf(form)))) toast(t(`business.campaigns.done.${mode}`));
  }

  /**
   * @param {Record<string, string>} values
   * @returns {Promise<Api.Campaign>}
   */
  async #send({ name, template, list, connectionId, sendAt }) {
    if (!name) throw new Wrong('name', field(this.#form.form, 'name', HTMLInputElement));
    if (!list) throw new Wrong('list');
    const time = sendAt ? new Date(sendAt).toISOString() : undefined;
    if (this.#changes?.sendAt && !time) throw new Wrong('time_needed', field(this.#form.form, 'sendAt', HTMLInputElement));
    const body = { name, template, list, sendAt: time };
    if (this.#changes) return api(`api/campaigns/${this.#changes.id}`, { method: 'PATCH', body });
    if (!connectionId) throw new Wrong('connection');
    return post('api/campaigns', { ...body, connectionId });
  }

  /**
   * @param {ConfirmDialog} dialog
   * @param {Api.Campaign} campaign
   * @param {string} act
   */
  async #ask(dialog, campaign, act) {
    setText(one(byId(`${act}-campaign`), '[data-audience]'), this.#audience(campaign.list));
    if (await dialog.ask(campaign, () => this.#move(campaign, act))) toast(t(`business.campaigns.done.${act}`));
  }

  /**
   * @param {Api.Campaign} campaign
   * @param {string} act
   */
  async #move({ id }, act) {
    await post(`api/campaigns/${id}/${act}`);
  }
}

new CampaignsView();
