// @ts-check
/** The webhooks, each with what it is told of and how it fares. */

import { byId, copyOf, one } from '../../shared/dom.js';
import { exactTime, momentTime, t } from '../texts.js';
import { eventWord } from './words.js';

const TEMPLATE = byId('hook', HTMLTemplateElement);
const ALL = '*';

/**
 * Show webhooks in a list; what is the same is left alone, since it may have the focus.
 * @param {HTMLElement} list
 * @param {Api.Webhook[]} webhooks
 * @param {(webhook: Api.Webhook) => string} ownerOf The name of another owner, or ''.
 */
export function showWebhooks(list, webhooks, ownerOf) {
  const known = new Map([...list.children].map((each) => [each.getAttribute('data-id'), each]));
  const items = webhooks.map((webhook) => {
    const seen = JSON.stringify([webhook, ownerOf(webhook), state(webhook)]);
    const before = known.get(webhook.id);
    if (before?.getAttribute('data-seen') === seen) return before;
    const element = item(webhook, ownerOf(webhook));
    element.dataset.seen = seen;
    return element;
  });
  const same = items.length === list.children.length && items.every((each, place) => each === list.children[place]);
  if (!same) list.replaceChildren(...items);
}

/**
 * @param {Api.Webhook} webhook
 * @param {string} owner
 */
function item(webhook, owner) {
  const element = copyOf(TEMPLATE);
  element.dataset.id = webhook.id;
  /** @param {string} name @param {string} text */
  const set = (name, text) => {
    const place = one(element, `[data-${name}]`);
    place.textContent = text;
    place.hidden = !text;
  };
  set('description', webhook.description || new URL(webhook.url).host);
  set('url', webhook.url);
  set('owner', owner);
  set('why', state(webhook));
  const tone = webhook.enabled ? webhook.failures ? 'warn' : 'good' : 'off';
  element.dataset.tone = tone;
  one(element, '[data-word]').textContent = t(`webhooks.state.${webhook.enabled ? tone === 'warn' ? 'failing' : 'on' : 'off'}`);
  one(element, '[data-events]').replaceChildren(...chips(webhook.events));
  set('connections', webhook.connectionIds ? t('webhooks.of', { names: listed(webhook.connectionIds) }) : '');
  const label = `\u2068${webhook.description || webhook.url}\u2069`;
  one(element, '[data-menu-label]').textContent = t('webhooks.act.more', { name: label });
  for (const each of element.querySelectorAll('[data-names]')) {
    each.setAttribute('aria-label', `${each.textContent?.trim()}: ${label}`);
  }
  one(element, '[data-act=on]').hidden = webhook.enabled;
  one(element, '[data-act=off]').hidden = !webhook.enabled;
  return element;
}

/** @param {string[]} events */
function chips(events) {
  const words = events.includes(ALL) ? [t('webhooks.events.all')] : events.map(eventWord);
  return words.map((word) => {
    const chip = document.createElement('li');
    chip.textContent = word;
    return chip;
  });
}

/**
 * How a webhook fares, where that is to be told.
 * @param {Api.Webhook} webhook
 */
function state({ enabled, disabledReason, failures, failingSince, heldUntil }) {
  if (!enabled) return t(`webhooks.off.${disabledReason ?? 'by_owner'}`);
  if (!failures) return '';
  const since = failingSince ? t('webhooks.failing_since', { time: momentTime(new Date(failingSince)) }) : t('webhooks.failing');
  const held = heldUntil && Date.parse(heldUntil) > Date.now() ? t('webhooks.held', { time: exactTime(new Date(heldUntil)) }) : '';
  return [since, held].filter(Boolean).join(' ');
}

/** @param {string[]} names */
const listed = (names) => names.map((name) => `\u2068${name}\u2069`).join(', ');
