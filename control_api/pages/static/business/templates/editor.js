// @ts-check
/** Write a template in two languages, with variables to insert, and see what it will say. */

import { api } from '../../dashboard/api.js';
import { kindOf } from '../../dashboard/dialog.js';
import { t } from '../../dashboard/texts.js';
import { closest, field, one, setText } from '../../shared/dom.js';
import { Refusal } from '../../shared/request.js';
import { FormDialog, Wrong } from '../form_dialog.js';
import { fillForm, valuesOf } from '../form_values.js';
import { KINDS, post, templateName, variableName } from '../records.js';

const AFTER_TYPING_MS = 400;
const VARIABLE = /\{[{%].*?[%}]\}/g;
const ISOLATES = /[\u2066\u2069]/g;

/** The dialog. */
export class Editor {
  #dialog = new FormDialog('template-form', KINDS);
  #drafts = [new Draft(this.#dialog.form, 'he'), new Draft(this.#dialog.form, 'en')];
  /** @type {Draft | undefined} The one that is written in. */
  #written;
  /** @type {Api.Template | null} */
  #changes = null;

  constructor() {
    for (const draft of this.#drafts) draft.area.addEventListener('focus', () => { this.#written = draft; });
    this.#dialog.form.addEventListener('click', (event) => {
      const snippet = closest(event, '[data-insert]')?.dataset.insert;
      if (snippet) this.#written?.insert(snippet);
    });
  }

  /**
   * Return the template that was stored, or null; a ready-made one is copied.
   * @param {Api.Template | null} template
   */
  ask(template) {
    this.#changes = template?.readyMade ? null : template;
    // What is not chosen otherwise is inserted into the text in the language of the page.
    this.#written = this.#drafts.find(({ language }) => language === document.documentElement.lang);
    const name = template ? templateName(template) : '';
    return this.#dialog.ask(() => {
      fillForm(this.#dialog.form, this.#changes ? 'edit' : 'create', { name, asks: template?.expects === 'confirm' });
      for (const draft of this.#drafts) draft.show(template?.texts[draft.language] ?? '');
    }, () => this.#send(valuesOf(this.#dialog.form)));
  }

  /**
   * @param {Record<string, string>} values
   * @returns {Promise<Api.Template>}
   */
  async #send({ name, asks }) {
    const texts = Object.fromEntries(this.#drafts.map(({ language, text }) => [language, text || undefined]));
    if (!name) throw new Wrong('name', field(this.#dialog.form, 'name', HTMLInputElement));
    if (!texts.he && !texts.en) throw new Wrong('no_text', this.#written?.area);
    const body = { name, texts, expects: asks ? 'confirm' : null };
    try {
      if (this.#changes) return await api(`api/templates/${this.#changes.id}`, { method: 'PUT', body });
      return await post('api/templates', body);
    } catch (error) {
      const named = error instanceof Refusal && this.#drafts.find(({ language }) => language === error.problem.language);
      if (!named) throw error;
      named.refuse(error);
      throw new Wrong('unreadable', named.area);
    }
  }
}

/** The text in one language, and what it will say. */
class Draft {
  #shown;
  #problem;
  /** @type {number | undefined} */
  #timer;

  /**
   * @param {HTMLFormElement} form
   * @param {'he' | 'en'} language
   */
  constructor(form, language) {
    this.language = language;
    this.area = field(form, language, HTMLTextAreaElement);
    this.#shown = one(form, `[data-shown=${language}]`);
    this.#problem = one(form, `[data-problem=${language}]`);
    this.area.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.preview(), AFTER_TYPING_MS);
    });
  }

  /** What is written, as it is stored. */
  get text() {
    return this.area.value.replace(ISOLATES, '').trim();
  }

  /** @param {string} text */
  show(text) {
    this.area.value = this.#readable(text);
    this.preview();
  }

  /**
   * Variables are written from left to right: in between Hebrew they would be torn apart.
   * @param {string} text
   */
  #readable(text) {
    return this.language === 'he' ? text.replace(VARIABLE, '\u2066$&\u2069') : text;
  }

  /**
   * Write something where the caret is.
   * @param {string} snippet
   */
  insert(snippet) {
    const { selectionStart, selectionEnd } = this.area;
    this.area.setRangeText(this.#readable(snippet), selectionStart, selectionEnd, 'end');
    this.area.dispatchEvent(new Event('input', { bubbles: true }));
    this.area.focus();
  }

  /** Show what the text will say, with example values. */
  async preview() {
    const { text } = this;
    try {
      const wish = { draft: text, language: this.language };
      const said = text ? (await post('api/templates/preview', wish)).text : '';
      // While it was on its way something else may have been typed.
      if (text !== this.text) return;
      setText(this.#shown, said);
      setText(this.#problem, '');
      this.area.removeAttribute('aria-invalid');
    } catch (error) {
      if (text === this.text) this.refuse(error);
    }
  }

  /**
   * Say at the text what is wrong with it.
   * @param {unknown} error
   */
  refuse(error) {
    const { code = '', variable } = error instanceof Refusal ? error.problem : {};
    const named = variable && t(`business.templates.problem.${code}`, { variable: variableName(variable) });
    setText(this.#problem, named || t(`business.common.error.${kindOf(error, KINDS)}`));
    // An example that lacks a value is no mistake.
    if (code === 'template_invalid') this.area.setAttribute('aria-invalid', 'true');
  }
}
