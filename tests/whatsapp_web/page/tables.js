/*
 * The tables of messages, reactions and votes, as the page's own code reads them.
 */
'use strict';

defineModule('WAWebTables', (exports, require) => {
  const storage = require('WAWebStorage');

  const within = (options, rows) => {
    const ordered = options.reverse ? rows.reverse() : rows;
    const first = options.offset ?? 0;
    return ordered.slice(first, options.limit === undefined ? undefined : first + options.limit);
  };
  const has = (row, column) => row[column] !== undefined && row[column] !== null;
  const byColumn = (column) => (one, other) => (one[column] < other[column] ? -1 : 1);

  /** Read a table in the order of one of its columns. */
  exports.table = (name, primary) => {
    const all = async (column) => {
      const rows = await storage.all('model-storage', name);
      return rows.filter((row) => has(row, column)).sort(byColumn(column));
    };
    return {
      get: (key) => storage.get('model-storage', name, key),
      all: async (options = {}) => within(options, await all(options.index?.[0] ?? primary)),
      anyOf: async ([column], values) => (await all(column)).filter((row) => values.includes(row[column])),
      greaterThan: async ([column], value, options = {}) =>
        within(options, (await all(column)).filter((row) => row[column] > value)),
      between: async ([column], from, to, options = {}) => {
        const above = (value) => value > from || (options.lowerInclusive === true && value === from);
        const below = (value) => value < to || (options.upperInclusive === true && value === to);
        return within(options, (await all(column)).filter((row) => above(row[column]) && below(row[column])));
      },
      count: async () => (await storage.all('model-storage', name)).length,
    };
  };
});

defineModule('WAWebSchemaMessage', (exports, require) => {
  exports.getMessageTable = () => require('WAWebTables').table('message', 'id');
});

defineModule('WAWebDBMessageSerialization', (exports, require) => {
  const FIRST_LIVE_ROW = 1e9;
  /** What a row of the table says, with the ids as objects. */
  exports.messageFromDbRow = (row) => ({
    ...require('WAWebMsgTable').fromRow(row).attributes,
    isMdHistoryMsg: row.rowId < FIRST_LIVE_ROW,
  });
});

defineModule('WAWebSchemaReactions', (exports, require) => {
  exports.getReactionsTable = () => require('WAWebTables').table('reactions', 'parentMsgKey');
});

defineModule('WAWebPollsVotesSchema', (exports, require) => {
  exports.getTable = () => require('WAWebTables').table('poll-votes', 'parentMsgKey');
});

defineModule('WAWebPollsDbSerialization', (exports, require) => {
  const MsgKey = require('WAWebMsgKey');
  const { createWid } = require('WAWebWidFactory');
  exports.voteFromDbRow = ({ msgKey, parentMsgKey, sender, ...vote }) => ({
    ...vote,
    msgKey: MsgKey.fromString(msgKey),
    parentMsgKey: MsgKey.fromString(parentMsgKey),
    sender: createWid(sender),
  });
});
