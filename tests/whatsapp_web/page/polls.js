/*
 * Votes in polls: the table, and what comes in.
 */
'use strict';

defineModule('WAWebDBPollsUpsertVotes', (exports, require) => {
  const storage = require('WAWebStorage');

  /** Keep votes; the last one of each sender counts. */
  exports.upsertVotesDb = async (votes) => {
    for (const { parentMsgKey, sender, msgKey, ...vote } of votes) {
      const ids = { parentMsgKey: String(parentMsgKey), sender: String(sender), msgKey: String(msgKey) };
      await storage.put('model-storage', 'poll-votes', { ...vote, ...ids });
    }
    return votes;
  };
});

defineModule('WAWebPollsVoteDataUtils', (exports) => {
  exports.pollVoteMsgDataToVoteData = ({ id, pollUpdateParentKey, author, from, ...data }) => ({
    msgKey: id,
    parentMsgKey: pollUpdateParentKey,
    sender: author ?? from,
    selectedOptionLocalIds: data.selectedOptionLocalIds,
    senderTimestampMs: data.senderTimestampMs,
    t: data.t,
    ack: data.ack,
    read: data.read,
  });
});

defineModule('WAWebAddonPollVoteTableMode', (exports, require, importNamespace) => {
  const { pollVoteMsgDataToVoteData } = require('WAWebPollsVoteDataUtils');
  exports.pollVoteTableMode = {
    bulkUpsert: (votes) =>
      importNamespace('WAWebDBPollsUpsertVotes').upsertVotesDb(votes.map(pollVoteMsgDataToVoteData)),
  };
});

defineModule('WAWebPollVotesJob', (exports, require) => {
  /** Take a vote in, by the numbers that its options have in the poll. */
  exports.receive = async (msg, pollUpdateParentKey) => {
    const poll = await require('WAWebMsgTable').readMessage(pollUpdateParentKey);
    if (!poll) return;
    const chosen = poll.pollOptions.filter(({ name }) => msg.options.includes(name));
    const { id, from, to, author, t, senderTimestampMs } = msg;
    const about = { id, from, to, author, t, type: 'poll_update', ack: 1, read: false };
    const selectedOptionLocalIds = chosen.map(({ localId }) => localId);
    const vote = { ...about, pollUpdateParentKey, selectedOptionLocalIds, senderTimestampMs };
    await require('WAWebAddonPollVoteTableMode').pollVoteTableMode.bulkUpsert([vote]);
  };
});
