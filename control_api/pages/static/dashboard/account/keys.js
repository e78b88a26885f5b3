// @ts-check
/** One's API keys, each with what it may do and when it was last used. */

import { byId, copyOf, one } from '../../shared/dom.js';
import { exactTime, relativeTime, t } from '../texts.js';

const TEMPLATE = byId('key', HTMLTemplateElement);

/**
 * Show keys in a list; `revoke(key)` is called when somebody wants to revoke one.
 * @param {HTMLElement} list
 * @param {Api.ApiKey[]} keys
 * @param {(key: Api.ApiKey) => void} revoke
 */
export function showKeys(list, keys, revoke) {
  // What is the same is left alone: a screen reader may be reading it, and a button have the focus.
  const seen = JSON.stringify(keys.map((key) => [key, expiry(key), lastUse(key)]));
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.replaceChildren(...keys.map((key) => item(key, revoke)));
}

/**
 * @param {Api.ApiKey} key
 * @param {(key: Api.ApiKey) => void} revoke
 */
function item(key, revoke) {
  const element = copyOf(TEMPLATE);
  element.toggleAttribute('data-over', isOver(key));
  one(element, '[data-name]').textContent = key.name;
  one(element, '[data-scopes]').replaceChildren(...key.scopes.map(scopeItem));
  one(element, '[data-bound]').textContent = bounds(key).join(' · ');
  one(element, '[data-expiry]').textContent = expiry(key);
  one(element, '[data-use]').textContent = lastUse(key);
  const button = one(element, '[data-revoke]');
  button.ariaLabel = t('account.revoke.label', { name: key.name });
  button.addEventListener('click', () => revoke(key));
  return element;
}

/** @param {string} scope */
function scopeItem(scope) {
  const element = document.createElement('li');
  element.textContent = t(`account.scope.${scope}`);
  return element;
}

/**
 * What a key is bound to: whose connections or which, and from where it works.
 * @param {Api.ApiKey} key
 */
function bounds({ allOwners, connectionIds, allowedIps, madeBy }) {
  const said = [];
  if (allOwners) said.push(t('account.bound.owners'));
  else if (!connectionIds) said.push(t('account.bound.all'));
  else said.push(t('account.bound.some', { names: listed(connectionIds) }));
  if (allowedIps) said.push(t('account.bound.networks', { names: listed(allowedIps) }));
  if (madeBy) said.push(t('account.bound.made'));
  return said;
}

/**
 * Names one after the other, each read in its own direction.
 * @param {string[]} names
 */
function listed(names) {
  return names.map((name) => `\u2068${name}\u2069`).join(', ') || t('account.bound.none');
}

/** @param {Api.ApiKey} key */
function isOver({ expiresAt }) {
  return Boolean(expiresAt) && Date.parse(expiresAt ?? '') <= Date.now();
}

/** @param {Api.ApiKey} key */
function expiry(key) {
  if (!key.expiresAt) return t('account.expiry.never');
  const time = exactTime(new Date(key.expiresAt));
  return t(isOver(key) ? 'account.expiry.over' : 'account.expiry.until', { time });
}

/** @param {Api.ApiKey} key */
function lastUse({ lastUsedAt }) {
  if (!lastUsedAt) return t('account.use.never');
  return t('account.use.last', { time: relativeTime(new Date(lastUsedAt)) });
}
