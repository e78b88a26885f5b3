// @ts-check
/** What is known of a message once an event has told of it. */

/**
 * Return the message as it is after an event, the same one for an event that is older than it, or
 * null where the event does not tell enough: why a message waits again, it does not say.
 * @param {Api.Message} message
 * @param {Api.StatusEvent} event
 * @returns {Api.Message | null}
 */
export function afterEvent(message, event) {
  const age = Date.parse(event.at) - latest(message);
  if (age < 0 || (age === 0 && event.status === message.status)) return message;
  if (event.status === 'queued') return null;
  return {
    ...message,
    status: event.status,
    reason: event.reason,
    chatId: event.chatId ?? message.chatId,
    waiting: undefined,
    [`${event.status}At`]: event.at,
  };
}

/**
 * When the status that is known was reached.
 * @param {Api.Message} message
 */
function latest(message) {
  return Date.parse(message[`${message.status}At`] ?? message.queuedAt);
}
