// @ts-check
/** Which conversation is open: kept in the address, so that it is found after a reload. */

/**
 * What is open: a connection, and a chat of it unless only the list is.
 * @typedef {object} Open
 * @property {string} connection Its owner and its id, as `owner/id`.
 * @property {string} chat The WhatsApp id of the chat, or ''.
 */

/** @returns {Open} */
export function readPlace() {
  const params = new URLSearchParams(location.search);
  return { connection: params.get('connection') ?? '', chat: params.get('chat') ?? '' };
}

/**
 * The address of a conversation.
 * @param {Open} open
 */
export function addressOf({ connection, chat }) {
  const params = new URLSearchParams();
  if (connection) params.set('connection', connection);
  if (chat) params.set('chat', chat);
  const query = params.toString();
  return query ? `?${query}` : location.pathname;
}

/**
 * The query that names a connection and its owner.
 * @param {string} connection As `owner/id`.
 */
export function queryOf(connection) {
  const [owner, connectionId] = connection.split('/');
  return new URLSearchParams({ owner, connectionId });
}
