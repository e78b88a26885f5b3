// @ts-check
/** The view of templates: one's own texts with variables, and those that come with the program. */

import { api } from '../../dashboard/api.js';
import { ConfirmDialog } from '../../dashboard/confirm_dialog.js';
import { keepTrue } from '../../dashboard/live.js';
import { t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, copyOf, one } from '../../shared/dom.js';
import { KINDS, onActs, templateName } from '../records.js';
import { RecordList } from '../record_list.js';
import { Editor } from './editor.js';

const CARD = byId('template', HTMLTemplateElement);

class TemplatesView {
  #root = byId('templates');
  /** @type {RecordList<Api.Template>} */
  #list = new RecordList(this.#root, { path: () => 'api/templates', item: card });
  /** @type {Api.Template[]} */
  #ready = [];
  #editor = new Editor();
  #delete = new ConfirmDialog('delete-template', KINDS);
  #lookAgain;

  constructor() {
    const list = this.#list;
    const find = (/** @type {string | undefined} */ id) => list.find(id) ?? this.#ready.find((each) => each.id === id);
    const edit = (/** @type {Api.Template} */ template) => this.#edit(template);
    this.#lookAgain = keepTrue(() => this.#refresh(), {});
    onActs(this.#root, { further: list.further, extend: () => list.extend(), find }, { create: () => this.#edit(null) }, {
      copy: edit,
      edit,
      delete: (template) => this.#remove(template),
    }, this.#lookAgain);
    this.#openNamed();
  }

  async #refresh() {
    if (!this.#ready.length) {
      this.#ready = (await api('api/templates?readyMade=true')).items;
      one(this.#root, '[data-ready]').replaceChildren(...this.#ready.map(card));
    }
    await this.#list.refresh();
  }

  /** Open the template that the address names, as a link from an automation does. */
  async #openNamed() {
    const id = new URLSearchParams(location.search).get('edit');
    if (!id) return;
    history.replaceState(null, '', location.pathname);
    try {
      await this.#edit(await api(`api/templates/${encodeURIComponent(id)}`));
      this.#lookAgain();
    } catch {
      toast(t('business.common.error.text'));
    }
  }

  /** @param {Api.Template | null} template */
  async #edit(template) {
    if (await this.#editor.ask(template)) toast(t('business.templates.done.save'));
  }

  /** @param {Api.Template} template */
  async #remove(template) {
    const send = () => api(`api/templates/${template.id}`, { method: 'DELETE' });
    if (await this.#delete.ask({ name: template.name }, send)) toast(t('business.templates.done.delete'));
  }
}

/** @param {Api.Template} template */
function card(template) {
  const element = copyOf(CARD);
  const name = templateName(template);
  element.dataset.id = template.id;
  one(element, '[data-name]').textContent = name;
  one(element, '[data-asks]').hidden = template.expects !== 'confirm';
  for (const language of /** @type {const} */ (['he', 'en'])) {
    const place = one(element, `[data-text=${language}]`);
    const text = template.samples[language] ?? template.texts[language];
    place.textContent = text ?? '';
    place.hidden = !text;
  }
  for (const button of element.querySelectorAll('[data-act]')) {
    button.toggleAttribute('hidden', (button.getAttribute('data-act') === 'copy') !== template.readyMade);
    button.ariaLabel = `${button.textContent?.trim()}: ${name}`;
  }
  return element;
}

new TemplatesView();
