// @ts-check
/** What a message says, in one line: its text, or a word for what it is. */

import { hasText, t } from './texts.js';

/**
 * Return a message's text, or what it is, in words; '' where that cannot be read.
 * @param {Api.Entry} message
 */
export function said(message) {
  if (message.revoked) return t('dashboard.said.revoked');
  const kind = kindOf(message);
  // What is done to another message goes out as a message of its own.
  if (kind === 'reaction') return named(kind, 'emoji' in message ? message.emoji : null);
  if (kind === 'edit') return named(kind, message.text);
  return message.text || what(message);
}

/** @param {Api.Entry} message */
function what(message) {
  const { location, poll } = message;
  if (location) return named('location', location.name);
  if (poll) return named('poll', poll.question);
  if ('contact' in message && message.contact) return named('contact', message.contact.name);
  if ('contacts' in message && message.contacts?.length) return named('contact', message.contacts[0].name);
  const kind = kindOf(message);
  if (kind === 'document') return named('document', mediaOf(message)?.filename);
  return hasText(`dashboard.said.${kind}`) ? t(`dashboard.said.${kind}`) : t('dashboard.said.other');
}

/**
 * What kind of content a message has, as the API names it.
 * @param {Api.Entry} message
 * @returns {string}
 */
export function kindOf(message) {
  if (message.direction === 'in') return message.type;
  return message.kind === 'media' ? message.media?.as ?? 'document' : message.kind ?? 'text';
}

/**
 * The file of a message, if it has one.
 * @param {Api.Entry} message
 * @returns {Partial<Api.Media> | null}
 */
export function mediaOf(message) {
  return message.media ?? null;
}

/**
 * @param {string} kind
 * @param {string | null} [name]
 */
function named(kind, name) {
  return name ? t(`dashboard.said.${kind}_named`, { name: `\u2068${name}\u2069` }) : t(`dashboard.said.${kind}`);
}
