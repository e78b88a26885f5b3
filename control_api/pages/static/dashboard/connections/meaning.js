/** What a connection's state means: how it looks, who acts next, and what can be done. */

import { hasText } from '../texts.js';

const WAITS_LONG_MS = 20_000;

const OF_STATE = {
  stopped: { tone: 'off', acts: 'admin' },
  starting: { tone: 'busy', acts: 'worker' },
  awaiting_scan: { tone: 'act', acts: 'phone' },
  passkey_required: { tone: 'act', acts: 'phone' },
  syncing: { tone: 'busy', acts: 'worker' },
  connected: { tone: 'good', acts: 'nobody' },
  degraded: { tone: 'warn', acts: 'worker' },
  disconnected: { tone: 'warn', acts: 'worker' },
  logged_out: { tone: 'act', acts: 'admin' },
  failed: { tone: 'bad', acts: 'operator' },
};
const SERVER = { tone: 'bad', acts: 'operator' };
const OF_REASON = {
  waiting_for_worker_long: { tone: 'warn', acts: 'operator' },
  temporarily_banned: { tone: 'bad', acts: 'nobody' },
  account_locked: { tone: 'bad', acts: 'phone' },
  other_number: { tone: 'bad', acts: 'admin' },
  device_still_listed: { tone: 'act', acts: 'phone' },
  whatsapp_changed: { tone: 'bad', acts: 'operator' },
  browser_unavailable: SERVER,
  encryption_key_missing: SERVER,
  disk_full: SERVER,
  disk_read_only: SERVER,
  disk_unusable: SERVER,
};
/** The states in which messages go out. */
export const SENDS = ['connected'];
const LINKABLE = ['starting', 'awaiting_scan', 'logged_out'];
const RESTS = ['stopped', 'logged_out', 'failed'];
const LINKED = ['syncing', 'connected', 'degraded', 'disconnected'];
const NOT_RESTARTED = ['logged_out', 'stopped'];

/** Return `{state, why, tone, acts, actions}`; `why` and `state` are ends of text keys. */
export function meaningOf(connection, now = Date.now()) {
  const { state } = connection;
  const reason = reasonOf(connection, now);
  const why = reason && hasText(`connections.why.${reason}`) ? reason : state;
  return { state, why, ...OF_STATE[state], ...OF_REASON[reason], actions: actionsOf(connection) };
}

function reasonOf({ reason, since }, now) {
  const long = now - Date.parse(since) > WAITS_LONG_MS;
  return reason === 'waiting_for_worker' && long ? 'waiting_for_worker_long' : reason;
}

/** What can be done, and what of it is offered first. */
function actionsOf({ state, phoneNumber }) {
  const linkable = LINKABLE.includes(state) && !(state === 'starting' && phoneNumber);
  return {
    link: linkable,
    'send-link': linkable,
    share: LINKABLE.includes(state),
    start: state === 'stopped',
    retry: state === 'failed',
    stop: !RESTS.includes(state),
    restart: !NOT_RESTARTED.includes(state),
    logout: LINKED.includes(state),
    settings: true,
    delete: true,
  };
}
