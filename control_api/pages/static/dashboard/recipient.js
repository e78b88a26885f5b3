// @ts-check
/** Recipients: as people read them, and as people type them. */

/** @type {[RegExp, string][]} */
const GROUPED = [
  [/^972(\d{2})(\d{3})(\d{4})$/, '+972 $1-$2-$3'],
  [/^1(\d{3})(\d{3})(\d{4})$/, '+1 $1-$2-$3'],
];
const DIRECTION_MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Write a WhatsApp id as people read it: a number in groups; groups and hidden numbers as they are.
 * @param {string} chatId
 */
export function readableRecipient(chatId) {
  const [user, kind] = chatId.split('@');
  if (kind !== 'c.us') return chatId;
  for (const [pattern, shape] of GROUPED) {
    if (pattern.test(user)) return user.replace(pattern, shape);
  }
  return `+${user}`;
}

/**
 * Return a number as the API takes it, where it was typed as in the country of the language.
 * @param {string} text
 * @param {string} [callingCode]
 */
export function typedRecipient(text, callingCode) {
  const clean = text.replace(DIRECTION_MARKS, '').trim();
  const local = callingCode && /^0(?!0)/.test(clean);
  return local ? `+${callingCode}${clean.slice(1)}` : clean;
}
