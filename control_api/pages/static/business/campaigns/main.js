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
import { KINDS, ME, allConnections, allTemplates, connectionChoices, doing, onActs, post, templateChoices, templateName, withQuery } from '../records.js';
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
    path: () => 'api/campaigns',
    item: (campaign) => this.#fill(copyOf(CARD), campaign),
    // Numbers that change are written where they stand, since somebody may be reading there.
    seen: (campaign) => ({ ...campaign, counts: null }),
  });
  #form = new FormDialog('campaign-form', KINDS);
  #start = new ConfirmDialog('start-campaign', KINDS);
  #cancel = new ConfirmDialog('cancel-campaign', KINDS);
  /** @type {Api.Template[]} */
  #templates = [];
  /** @type {Map<string, Api.SubscribedList[]>} By owner: a campaign goes to a list of its owner's. */
  #lists = new Map();
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

  /** Whose campaign is made or changed. */
  get #owner() {
    return this.#changes?.owner ?? ME;
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
    const [connections, templates] = await Promise.all([allConnections(), allTemplates(), this.#askLists([ME])]);
    this.#templates = templates;
    fillSelect(field(this.#form.form, 'connectionId', HTMLSelectElement), connectionChoices(connections, ME));
    this.#offer();
    one(this.#root, '[data-no-subscribers]').hidden = this.#listsOf(ME).length > 0;
    const before = new Map(this.#list.records.map(({ id, status }) => [id, status]));
    await this.#list.refresh();
    const others = new Set(this.#list.records.map(({ owner }) => owner).filter((owner) => owner !== ME));
    await this.#askLists([...others]);
    this.#allAskedAt = performance.now();
    for (const campaign of this.#list.records) {
      this.#fill(one(this.#root, `[data-id="${campaign.id}"]`), campaign);
      if (before.get(campaign.id) === 'running' && campaign.status !== 'running') this.#tell(campaign);
    }
  }

  /** @param {string[]} owners */
  async #askLists(owners) {
    await Promise.all(owners.map(async (owner) => {
      this.#lists.set(owner, (await api(withQuery('api/subscribers/lists', { owner }))).items);
    }));
  }

  /** @param {string} owner */
  #listsOf(owner) {
    return this.#lists.get(owner) ?? [];
  }

  /** Offer what the owner of the campaign has. */
  #offer() {
    const usable = this.#templates.filter(({ texts }) => !Object.values(texts).some((text) => OF_APPOINTMENTS.test(text)));
    const lists = this.#listsOf(this.#owner).map(({ list }) => ({ value: list, text: list }));
    fillSelect(field(this.#form.form, 'template', HTMLSelectElement), templateChoices(usable, this.#owner));
    fillSelect(field(this.#form.form, 'list', HTMLSelectElement), lists);
    this.#showAudience();
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
    fillCard(card, campaign, templateName(template), this.#audience(campaign));
    return card;
  }

  /** @param {{ owner: string, list: string }} campaign */
  #audience({ owner, list: name }) {
    return audienceOf(this.#listsOf(owner).find(({ list }) => list === name));
  }

  #showAudience() {
    const { value: list } = field(this.#form.form, 'list', HTMLSelectElement);
    setText(one(this.#form.form, '[data-audience]'), this.#audience({ owner: this.#owner, list }));
  }

  /** @param {Api.Campaign | null} campaign */
  async #edit(campaign) {
    this.#changes = campaign;
    this.#offer();
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
    if (this.#changes?.status === 'scheduled' && !time) throw new Wrong('time_needed', field(this.#form.form, 'sendAt', HTMLInputElement));
    const body = { name, template, list, sendAt: time ?? null };
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
    setText(one(byId(`${act}-campaign`), '[data-audience]'), this.#audience(campaign));
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
