// @ts-check
/** The addresses of what the API holds: an id is one part of a path, whatever is written in it. */

/**
 * The address of a connection, without the query that may name its owner.
 * @param {{connectionId: string}} connection
 */
export function connectionPath({ connectionId }) {
  return `api/whatsapp/connections/${encodeURIComponent(connectionId)}`;
}

/**
 * The address of a message.
 * @param {string} id
 */
export function messagePath(id) {
  return `api/whatsapp/messages/${encodeURIComponent(id)}`;
}

/**
 * The address of an API key.
 * @param {{id: string}} key
 */
export function apiKeyPath({ id }) {
  return `api/api-keys/${encodeURIComponent(id)}`;
}

/**
 * The address of a webhook.
 * @param {{id: string}} webhook
 */
export function webhookPath({ id }) {
  return `api/webhooks/${encodeURIComponent(id)}`;
}

/**
 * The address of a record of the business side, such as a customer.
 * @param {string} kind As the API names the list, such as `customers`.
 * @param {{id: string}} record
 */
export function recordPath(kind, { id }) {
  return `api/${kind}/${encodeURIComponent(id)}`;
}
