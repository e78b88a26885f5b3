/** The addresses of a connection in the API. */

/** The address of a connection, without the query that may name its owner. */
export function pathOf({ connectionId }) {
  return `api/whatsapp/connections/${encodeURIComponent(connectionId)}`;
}
