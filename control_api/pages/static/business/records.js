// @ts-check
/**
 * Ask for and change records: those of whoever is signed in, and for an administrator everybody's.
 * What is made is one's own, and what can be chosen for a record is its owner's.
 */

import { api } from '../dashboard/api.js';
import { kindOf, working } from '../dashboard/dialog.js';
import { randomKey } from '../dashboard/random_key.js';
import { hasText, t } from '../dashboard/texts.js';
import { toast } from '../dashboard/toast.js';
import { closest, one } from '../shared/dom.js';

/** Whoever is signed in. */
export const ME = one(document, '[data-me]').dataset.me ?? '';
const LARGEST_PAGE = '200';
/**
 * Errors for which there is a text, by code.
 * @type {Record<string, string>}
 */
export const KINDS = {
  automation_not_found: 'gone', campaign_not_found: 'gone', subscriber_not_found: 'gone', template_not_found: 'text',
  connection_not_found: 'connection', already_exists: 'listed', in_use: 'used', not_possible_now: 'changed',
  template_invalid: 'unreadable', template_unsuitable: 'unsuitable', queue_full: 'many', rate_limited: 'many',
};

/**
 * An address with a query.
 * @param {string} path
 * @param {Record<string, string>} query What is empty is left out.
 */
export function withQuery(path, query) {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return given ? `${path}?${given}` : path;
}

/**
 * Make something, once.
 * @param {string} path
 * @param {unknown} [body]
 */
export function post(path, body) {
  return api(path, { method: 'POST', body, headers: { 'Idempotency-Key': randomKey() } });
}

/**
 * All records at an address.
 * @param {string} path
 * @returns {Promise<any[]>}
 */
export async function all(path) {
  const records = [];
  let cursor = '';
  do {
    const page = await api(withQuery(path, { limit: LARGEST_PAGE, cursor }));
    records.push(...page.items);
    cursor = page.cursor ?? '';
  } while (cursor);
  return records;
}

/**
 * The templates, and the ready-made ones.
 * @returns {Promise<Api.Template[]>}
 */
export async function allTemplates() {
  const [written, ready] = await Promise.all([all('api/templates'), api('api/templates?readyMade=true')]);
  return [...written, ...ready.items];
}

/** @returns {Promise<Api.Connection[]>} */
export async function allConnections() {
  return (await api('api/whatsapp/connections')).items;
}

/**
 * The connections of an owner, as choices.
 * @param {Api.Connection[]} connections
 * @param {string} owner
 */
export function connectionChoices(connections, owner) {
  return connections.filter((each) => each.owner === owner).map(({ connectionId, name }) => ({ value: connectionId, text: name }));
}

/**
 * The templates of an owner and the ready-made ones, as choices.
 * @param {Api.Template[]} templates
 * @param {string} owner
 */
export function templateChoices(templates, owner) {
  return templates.filter((each) => each.readyMade || each.owner === owner).map((each) => ({ value: each.id, text: templateName(each) }));
}

/**
 * What a template is called.
 * @param {Api.Template | undefined} template
 */
export function templateName(template) {
  return template ? named(`business.common.ready.${template.id}`, template.name) : t('business.common.text_gone');
}

/**
 * What a variable is called.
 * @param {string} variable
 */
export const variableName = (variable) => named(`business.common.variable.${variable}`, `\u2068${variable}\u2069`);

/**
 * @param {string} key
 * @param {string} otherwise
 */
const named = (key, otherwise) => (hasText(key) ? t(key) : otherwise);

/**
 * Do something, and say that it is done or why it is not; returns whether it is.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} run
 * @param {string} done The key of the text.
 */
export async function doing(button, run, done) {
  try {
    await working(button, run);
    toast(t(done));
    return true;
  } catch (error) {
    toast(t(`business.common.error.${kindOf(error, KINDS)}`));
    return false;
  }
}

/**
 * Do what the buttons of a view say by their `data-act`, then look again.
 * @template {{ id: string }} T
 * @param {HTMLElement} root
 * @param {{ further: HTMLElement, extend: () => void, find: (id?: string) => T | undefined }} list
 * @param {Record<string, (button: HTMLButtonElement) => unknown>} acts
 * @param {Record<string, (record: T, button: HTMLButtonElement) => unknown>} actsOfRecords
 * @param {() => void} lookAgain
 */
export function onActs(root, list, acts, actsOfRecords, lookAgain) {
  root.addEventListener('click', async (event) => {
    const button = closest(event, 'button');
    if (!(button instanceof HTMLButtonElement)) return;
    const record = list.find(closest(event, '[data-id]')?.dataset.id);
    const { act = '' } = button.dataset;
    if (button === list.further) list.extend();
    else if (record && actsOfRecords[act]) await actsOfRecords[act](record, button);
    else if (acts[act]) await acts[act](button);
    else return;
    lookAgain();
  });
}
