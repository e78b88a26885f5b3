// @ts-check
/** What is filled in in a form, by the names of its fields. */

import { showOnly } from '../shared/dom.js';

/**
 * What is filled in; a box that is not ticked has no value.
 * @param {HTMLFormElement} form
 * @returns {Record<string, string>}
 */
export function valuesOf(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
}

/**
 * Fill in an empty form, to make something (`create`) or to change it (`edit`).
 * @param {HTMLFormElement} form
 * @param {'create' | 'edit'} mode
 * @param {Record<string, string | boolean | null | undefined>} values
 */
export function fillForm(form, mode, values) {
  showOnly(form.closest('dialog') ?? form, 'mode', mode);
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLInputElement && typeof value === 'boolean') field.checked = value;
    else if (field && 'value' in field) field.value = String(value ?? '');
  }
  form.dispatchEvent(new Event('change'));
}

/**
 * Fill a list of choices, and keep what is chosen if it is among them.
 * @param {HTMLSelectElement} select
 * @param {{ value: string, text: string }[]} choices
 */
export function fillSelect(select, choices) {
  const seen = JSON.stringify(choices);
  if (select.dataset.seen === seen) return;
  const { value: chosen } = select;
  select.replaceChildren(...choices.map(({ value, text }) => new Option(text, value)));
  select.dataset.seen = seen;
  if (choices.some(({ value }) => value === chosen)) select.value = chosen;
}
