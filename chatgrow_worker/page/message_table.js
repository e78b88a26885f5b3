// Reads what others have written, and done, from the page's own tables: all of it is there, also what
// came without an event. wa-js's `indexdb` reads the same tables without decrypting the texts.
// The tables' functions are those of WAWebIdb (dump of 2026-04-27).
const messageTable = (() => {
  const ROWS_AT_ONCE = 500;
  const BYTES_AT_ONCE = 1_000_000;
  const FIRST_LIVE_ROW = 1e9; // rows of the phone's history have lower ids (WAWebDBStoreMsgsUtils)
  const MAX_ROW = Number.MAX_SAFE_INTEGER;
  const MOST_CHANGED = 10_000;
  const SIDE = ['false_', 'false_\uffff'];
  const RAW = {shouldDecrypt: false};

  const sizeOf = (row) => row.msgRowOpaqueData?.byteLength ?? 0;

  // What is certain of a row that WhatsApp's own code cannot read.
  function outlineOf({id, author, from, t, type}) {
    const key = String(id);
    const remote = {server: key.split('_')[1]?.split('@')[1]};
    return {id: {fromMe: !key.startsWith('false_'), remote, toString: () => key}, author, from, t, type};
  }

  function read(row) {
    try {
      return {msg: whatsApp.messageOfRow(row)};
    } catch (error) {
      return {msg: outlineOf(row), error};
    }
  }

  // If WhatsApp's own code can read none of the rows, something else is wrong.
  function describeAll(rows) {
    const found = rows.map(read);
    if (rows.length > 0 && found.every(({error}) => error)) throw found[0].error;
    return found
      .filter(({msg}) => received.isReceived(msg))
      .map(({msg, error}) => ({...received.describe(msg), ...(error && {type: 'unreadable'})}));
  }

  // Goes back from row `before` (null: from the end) by one page of rows, and returns the row after
  // which the messages since a time stand, as far as this page shows it (null: none is in it).
  async function locate(since, before, history) {
    const bounds = {lowerInclusive: true, upperInclusive: false, reverse: true, limit: ROWS_AT_ONCE};
    const rows = await whatsApp
      .messageTable()
      .between(['rowId'], history ? 0 : FIRST_LIVE_ROW, before ?? MAX_ROW, {...RAW, ...bounds});
    const recent = rows.filter(({t}) => t >= since).map(({rowId}) => rowId);
    const found = rows.length < ROWS_AT_ONCE || recent.length === 0;
    return {
      after: recent.length > 0 ? Math.min(...recent) - 1 : null,
      next: found ? null : Math.min(...rows.map(({rowId}) => rowId)),
    };
  }

  // Returns a page of messages in the order in which they came.
  async function rowsAfter(after, limit) {
    const rows = await whatsApp.messageTable().greaterThan(['rowId'], after, {limit});
    const fitting = rows.slice(0, countFitting(rows));
    const items = describeAll(fitting);
    const more = rows.length === limit || fitting.length < rows.length;
    return {items, last: fitting.at(-1)?.rowId ?? after, more};
  }

  // How many rows fit into one answer: at least one.
  function countFitting(rows) {
    let size = 0;
    const over = rows.findIndex((row) => (size += sizeOf(row)) > BYTES_AT_ONCE);
    return over < 0 ? rows.length : Math.max(1, over);
  }

  // Returns the messages with these keys, as they are now.
  async function ofKeys(keys) {
    return describeAll(await whatsApp.messageTable().anyOf(['id'], keys));
  }

  // Returns received messages that were edited or revoked since a time, however old they are.
  async function changed(since) {
    const table = whatsApp.messageTable();
    const edited = await table.between(['latestEditMsgKey'], ...SIDE, {...RAW, limit: MOST_CHANGED});
    const revoked = await table.between(['protocolMessageKey'], ...SIDE, {...RAW, limit: MOST_CHANGED});
    const ids = [
      ...edited.filter(({latestEditSenderTimestampMs: at}) => at >= since * 1000),
      ...revoked.filter(({type, revokeTimestamp: at, t}) => type === 'revoked' && (at ?? t) >= since),
    ].map(({id}) => id);
    return ids.length > 0 ? ofKeys(ids.slice(-ROWS_AT_ONCE)) : [];
  }

  const nextOf = (rows, offset) => (rows.length === ROWS_AT_ONCE ? offset + ROWS_AT_ONCE : null);

  // Returns the reactions of others since a time, from one page of the table.
  async function reactions(since, offset) {
    const rows = await whatsApp.reactionTable().all({limit: ROWS_AT_ONCE, offset});
    const items = rows
      .filter(({t, msgKey}) => t >= since && !inPage.isOurs(msgKey))
      .map(({parentMsgKey, senderUserJid, reactionText, t}) => ({
        kind: 'reaction',
        key: String(parentMsgKey),
        sender: String(senderUserJid),
        emoji: reactionText || null,
        at: Number(t),
      }));
    return {items, next: nextOf(rows, offset)};
  }

  async function optionsOf(key) {
    const [row] = await whatsApp.messageTable().anyOf(['id'], [String(key)]);
    return row ? whatsApp.messageOfRow(row).pollOptions ?? [] : null;
  }

  async function describeVote({parentMsgKey, sender, selectedOptionLocalIds, senderTimestampMs}) {
    const options = await optionsOf(parentMsgKey);
    if (options === null) return null;
    const names = options
      .filter(({localId}) => selectedOptionLocalIds.includes(localId))
      .map(({name}) => String(name));
    const facts = {key: String(parentMsgKey), sender: String(sender), options: names};
    return {kind: 'vote', ...facts, atMs: Number(senderTimestampMs)};
  }

  // Returns the votes of others since a time, from one page of the table.
  async function votes(since, offset) {
    const rows = await whatsApp.voteTable().all({limit: ROWS_AT_ONCE, offset});
    const late = rows.filter(
      ({senderTimestampMs, msgKey}) => senderTimestampMs >= since * 1000 && !inPage.isOurs(msgKey),
    );
    const items = await Promise.all(late.map((row) => describeVote(whatsApp.voteOfRow(row))));
    return {items: items.filter(Boolean), next: nextOf(rows, offset)};
  }

  return {locate, rowsAfter, ofKeys, changed, reactions, votes};
})();
