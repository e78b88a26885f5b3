// @ts-check
/** Change the words of an automation's sentence, or make a new one. */

import { api } from '../../dashboard/api.js';
import { field, one, showOnly } from '../../shared/dom.js';
import { FormDialog, Wrong } from '../form_dialog.js';
import { fillForm, fillSelect, valuesOf } from '../form_values.js';
import { KINDS, ME, connectionChoices, post, templateChoices, templateName } from '../records.js';
import { partsOf } from '../sentence.js';

/** The dialog. */
export class Editor {
  #dialog = new FormDialog('automation-form', KINDS);
  #form = this.#dialog.form;
  /** @type {Api.Template[]} */
  #templates = [];
  /** @type {Api.Connection[]} */
  #connections = [];
  /** @type {Api.Automation | null} */
  #changes = null;

  constructor() {
    this.#form.addEventListener('change', () => this.#showTimes());
  }

  /**
   * Know what can be chosen.
   * @param {Api.Template[]} templates
   * @param {Api.Connection[]} connections
   */
  know(templates, connections) {
    this.#templates = templates;
    this.#connections = connections;
    this.#offer();
  }

  /** Offer what the owner of the automation has. */
  #offer() {
    const owner = this.#changes?.owner ?? ME;
    fillSelect(field(this.#form, 'template', HTMLSelectElement), templateChoices(this.#templates, owner));
    fillSelect(field(this.#form, 'connection', HTMLSelectElement), connectionChoices(this.#connections, owner));
  }

  /** Return the automation that was made, or null. */
  create() {
    this.#changes = null;
    return this.#ask('create', { trigger: 'before_appointment', amount: '1', unit: 'd' });
  }

  /**
   * Return the automation as it was changed, or null.
   * @param {Api.Automation} automation
   */
  change(automation) {
    this.#changes = automation;
    const { trigger, offset, deliveryHour: hour, template, connectionId: connection } = automation;
    const { amount = '', unit = 'h' } = partsOf(offset) ?? {};
    return this.#ask('edit', { trigger, amount: String(amount), unit, hour, template, connection });
  }

  /**
   * @param {'create' | 'edit'} mode
   * @param {Parameters<typeof fillForm>[2]} values
   */
  #ask(mode, values) {
    this.#offer();
    return this.#dialog.ask(() => fillForm(this.#form, mode, values), () => this.#send(valuesOf(this.#form)));
  }

  /** Ask how long before, after or later, whichever the trigger has. */
  #showTimes() {
    const { value: trigger } = field(this.#form, 'trigger', HTMLSelectElement);
    const [, kind] = /^(before|after)_/.exec(trigger) ?? ['', 'later'];
    showOnly(this.#form, 'span-of', kind ?? '');
    one(this.#form, '[data-hour-hint]').hidden = kind !== 'before';
    one(this.#form, '[data-own-connection]').hidden = !trigger.includes('appointment');
  }

  /**
   * @param {Record<string, string>} values
   * @returns {Promise<Api.Automation>}
   */
  async #send({ trigger = '', amount = '', unit = '', hour, template = '', connection }) {
    const isBefore = trigger.startsWith('before_');
    if (!(isBefore ? /^0*[1-9]\d*$/ : /^\d*$/).test(amount)) throw new Wrong('amount', field(this.#form, 'amount', HTMLInputElement));
    if (!template) throw new Wrong('text');
    if (!connection) throw new Wrong('connection');
    const body = { offset: `${Number(amount)}${unit}`, deliveryHour: hour || null, template, connectionId: connection };
    if (this.#changes) return api(`api/automations/${this.#changes.id}`, { method: 'PATCH', body });
    const name = templateName(this.#templates.find(({ id }) => id === template));
    return post('api/automations', { ...body, name, trigger, purpose: purposeOf(trigger), enabled: true });
  }
}

/**
 * What a message of a trigger is for; people agree to each by itself.
 * @param {string} trigger
 */
function purposeOf(trigger) {
  if (trigger.startsWith('before_')) return 'reminder';
  return /^(subscriber|customer)\./.test(trigger) ? 'marketing' : 'service';
}
