// @ts-check
/** What people and chats are called. */

import { readableRecipient } from '../recipient.js';
import { t } from '../texts.js';

/**
 * The name of a chat, and what stands below it: the number, where the name is not the number.
 * @param {string} chatId
 * @param {string | null} [name]
 */
export function namesOf(chatId, name) {
  const number = readable(chatId);
  return name ? { title: name, below: number } : { title: number, below: '' };
}

/**
 * Who wrote a message in a group.
 * @param {Api.Received} message
 */
export function senderOf({ senderName, fromNumber, from }) {
  if (senderName) return senderName;
  return fromNumber ? readableRecipient(`${fromNumber.slice(1)}@c.us`) : readable(from);
}

/** @param {string} chatId */
function readable(chatId) {
  const [, kind] = chatId.split('@');
  if (kind === 'g.us') return t('conversations.group');
  return kind === 'lid' ? t('conversations.hidden_number') : readableRecipient(chatId);
}
