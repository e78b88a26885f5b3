// @ts-check
/** The view of automations: sentences to switch on and off, and ready-made ones to begin with. */

import { api } from '../../dashboard/api.js';
import { ConfirmDialog } from '../../dashboard/confirm_dialog.js';
import { keepTrue } from '../../dashboard/live.js';
import { t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, closest, one } from '../../shared/dom.js';
import { fillSelect } from '../form_values.js';
import { showRecords } from '../keyed_list.js';
import { KINDS, ME, allConnections, allTemplates, connectionChoices, doing, onActs, post, templateName } from '../records.js';
import { RecordList } from '../record_list.js';
import { partsOf } from '../sentence.js';
import { cardOf } from './card.js';
import { Editor } from './editor.js';
import { PreviewDialog } from './preview_dialog.js';

/** @typedef {Api.Automation & { id: string }} Automation An offer has its place as its id, and no connection. */

class AutomationsView {
  #root = byId('automations');
  #connection = one(this.#root, '[data-connection]', HTMLSelectElement);
  #offered = one(this.#root, '[data-offers]');
  /** @type {Map<string, Api.Template>} */
  #templates = new Map();
  /** @type {Api.Connection[]} */
  #connections = [];
  /** @type {Automation[]} */
  #offers = [];
  /** @type {RecordList<Automation>} */
  #list = new RecordList(this.#root, {
    path: () => 'api/automations',
    item: (automation) => cardOf(automation, ...this.#parts(automation)),
    seen: (automation) => [automation, this.#parts(automation)],
  });
  #editor = new Editor();
  #preview = new PreviewDialog();
  #delete = new ConfirmDialog('delete-automation', KINDS);

  constructor() {
    const list = this.#list;
    const find = (/** @type {string | undefined} */ id) => list.find(id) ?? this.#offers.find((each) => each.id === id);
    const buttons = { further: list.further, extend: () => list.extend(), find };
    onActs(this.#root, buttons, { create: () => this.#editor.create() }, {
      switch: (automation, button) => this.#switch(automation, button),
      preview: (automation) => this.#preview.open(automation, this.#templates.get(automation.template)),
      edit: async (automation) => (await this.#editor.change(automation)) && toast(t('business.automations.done.edit')),
      delete: (automation) => this.#remove(automation),
    }, keepTrue(() => this.#refresh(), {}));
    this.#root.addEventListener('change', (event) => closest(event, '[name=trade]') && this.#showOffers());
  }

  async #refresh() {
    const asked = [allTemplates(), allConnections(), api('api/automations?readyMade=true')];
    const [templates, connections, ready] = await Promise.all(asked);
    const choices = connectionChoices(connections, ME);
    this.#connections = connections;
    this.#templates = new Map(templates.map((/** @type {Api.Template} */ each) => [each.id, each]));
    this.#offers = ready.items.map((/** @type {Api.Automation} */ each, /** @type {number} */ place) => ({ ...each, id: `offer-${place}` }));
    this.#editor.know(templates, connections);
    fillSelect(this.#connection, choices);
    one(this.#root, '[data-over]').hidden = choices.length < 2;
    one(this.#root, '[data-no-connection]').hidden = choices.length > 0;
    await this.#list.refresh();
    this.#showOffers();
  }

  /** Offer what suits the trade and is not there yet: with the same trigger, at the same time. */
  #showOffers() {
    const trade = one(this.#root, '[name=trade]:checked', HTMLInputElement).value;
    const timeOf = (/** @type {Automation} */ { trigger, offset, deliveryHour }) => JSON.stringify([trigger, partsOf(offset), deliveryHour]);
    const there = new Set(this.#list.records.filter(({ owner }) => owner === ME).map(timeOf));
    const offers = this.#offers.filter((each) => each.trades?.some((suited) => suited === trade) && !there.has(timeOf(each)));
    const canSwitch = this.#connection.options.length > 0;
    const card = (/** @type {Automation} */ offer) => cardOf(offer, ...this.#parts(offer), canSwitch);
    showRecords(this.#offered, offers, card, (offer) => [offer, this.#parts(offer), canSwitch]);
    one(this.#root, '[data-all-on]').hidden = offers.length > 0;
  }

  /**
   * Its text, and the name of its connection.
   * @param {Automation} automation
   * @returns {[Api.Template | undefined, string | undefined]}
   */
  #parts({ template, connectionId, owner }) {
    const over = this.#connections.find((each) => each.connectionId === connectionId && each.owner === owner);
    return [this.#templates.get(template), over?.name];
  }

  /**
   * @param {Automation} automation
   * @param {HTMLButtonElement} button
   */
  async #switch(automation, button) {
    const enabled = !automation.enabled;
    let { id } = automation;
    const send = async () => {
      if (automation.connectionId) await api(`api/automations/${id}`, { method: 'PATCH', body: { enabled } });
      else id = await this.#take(automation);
      await this.#refresh();
    };
    if (!await doing(button, send, `business.automations.done.${enabled ? 'on' : 'off'}`)) return;
    // An offer that was taken has become another card.
    one(this.#root, `[data-id="${id}"] [role=switch]`).focus();
  }

  /**
   * Make an offer one's own: its text, which can be changed then, and the automation; return its id.
   * @param {Automation} offer
   * @returns {Promise<string>}
   */
  async #take({ trigger, offset, deliveryHour, purpose, template: ready }) {
    const template = this.#templates.get(ready);
    const name = templateName(template);
    const text = await post('api/templates', { name, texts: template?.texts, expects: template?.expects });
    const wish = { name, trigger, offset, deliveryHour, purpose, connectionId: this.#connection.value, template: text.id, enabled: true };
    try {
      return (await post('api/automations', wish)).id;
    } catch (error) {
      await api(`api/templates/${text.id}`, { method: 'DELETE' });
      throw error;
    }
  }

  /** @param {Automation} automation */
  async #remove({ id }) {
    const name = one(this.#root, `[data-id="${id}"] [data-sentence]`).textContent ?? '';
    const send = () => api(`api/automations/${id}`, { method: 'DELETE' });
    if (await this.#delete.ask({ name }, send)) toast(t('business.automations.done.delete'));
  }
}

new AutomationsView();
