// Collects what others write and do while the page is open, until the worker has recorded it.
// A function that is missing here never stops a send: the sweep of the page's table finds the rest.
function watchReceived(ring) {
  const MOST_ITEMS = 5000;
  const MOST_BYTES = 16_000_000;
  const ITEMS_AT_ONCE = 100;
  const BYTES_AT_ONCE = 256_000;
  // The page brings thousands of old messages into its memory after its start, as if they were new.
  // What is older than this at the start is in the table, which the worker sweeps.
  const OLD_AFTER_S = 3600;
  const items = [];
  let bytes = 0;
  let serial = 0;
  let missed = false;
  let oldest = null;

  const now = () => {
    try {
      return Number(whatsApp.unixTime()); // corrected by the server's time
    } catch {
      return Math.floor(Date.now() / 1000);
    }
  };

  const isOld = (at) => {
    oldest ??= now() - OLD_AFTER_S;
    return at < oldest;
  };

  function add(item) {
    const size = JSON.stringify(item).length;
    if (items.length >= MOST_ITEMS || bytes + size > MOST_BYTES) {
      missed = true;
      return;
    }
    bytes += size;
    items.push({size, item: {...item, serial: ++serial}});
    ring();
  }

  // An item that cannot be described is left to the sweep; the page's own work goes on.
  const listen = (name, note) => {
    whatsApp.on(name, (event) => {
      try {
        note(event);
      } catch {
        missed = true;
      }
    });
  };

  const waiting = new Set();

  function noteMessage(msg) {
    if (!received.isReceived(msg) || msg.isMdHistoryMsg) return;
    const key = String(msg.id);
    const comesLate = waiting.delete(key);
    if (!comesLate && isOld(Number(msg.t))) return;
    if (msg.type === 'ciphertext') waiting.add(key);
    add(received.describe(msg));
  }

  function noteEdit({msg}) {
    if (!received.isReceived(msg)) return;
    const {latestEditSenderTimestampMs: edited} = msg;
    const at = edited ? Math.floor(Number(edited) / 1000) : now();
    const number = received.numberOf(msg.id.remote);
    add({kind: 'edit', key: String(msg.id), number, text: received.textOf(msg) ?? '', at});
  }

  function noteRevocation({refId}) {
    if (refId.fromMe) return;
    const number = received.numberOf(refId.remote);
    add({kind: 'revocation', key: String(refId), number, at: now()});
  }

  function noteReaction({id, msgId, reactionText, sender, timestamp}) {
    if (id.fromMe) return;
    const facts = {sender: String(sender), emoji: reactionText || null, at: Number(timestamp)};
    add({kind: 'reaction', key: String(msgId), ...facts});
  }

  function noteVote({msgId, sender, selectedOptions, timestamp}) {
    const options = selectedOptions.filter(Boolean).map(({name}) => String(name));
    add({kind: 'vote', key: String(msgId), sender: String(sender), options, atMs: Number(timestamp)});
  }

  function forget(recorded) {
    while (items.length > 0 && items[0].item.serial <= recorded) bytes -= items.shift().size;
  }

  // Returns the oldest items after the last one that was recorded.
  function look(recorded) {
    forget(recorded);
    const found = [];
    let size = 0;
    for (const each of items) {
      if (found.length >= ITEMS_AT_ONCE || (found.length > 0 && size + each.size > BYTES_AT_ONCE)) break;
      size += each.size;
      found.push(each.item);
    }
    const told = missed;
    missed = false;
    return {items: found, more: found.length < items.length, missed: told};
  }

  listen('chat.new_message', noteMessage);
  listen('chat.msg_edited', noteEdit);
  listen('chat.msg_revoke', noteRevocation);
  listen('chat.new_reaction', noteReaction);
  listen('chat.poll_response', noteVote);
  return {look};
}
