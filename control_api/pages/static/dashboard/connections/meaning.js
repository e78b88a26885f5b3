// @ts-check
/** What a connection looks like and what is offered; the API tells who acts and what may be done. */

import { hasText } from '../texts.js';

/** @type {Record<Api.State, string>} */
const TONES = {
  stopped: 'off',
  starting: 'busy',
  awaiting_scan: 'act',
  passkey_required: 'act',
  syncing: 'busy',
  connected: 'good',
  degraded: 'warn',
  disconnected: 'warn',
  logged_out: 'act',
};
/** Reasons that are worse than the state that they come with. */
const BAD = ['temporarily_banned', 'account_locked', 'other_number'];

/**
 * Whether its messages go out.
 * @param {Api.Connection} connection
 */
export const sends = ({ state }) => state === 'connected';

/**
 * Return how to show a connection; `why` and `state` are ends of text keys.
 * @param {Api.Connection} connection
 */
export function meaningOf(connection) {
  const { state, actsNext } = connection;
  const reason = reasonOf(connection);
  const why = reason && hasText(`connections.why.${reason}`) ? reason : state;
  return { state, why, tone: toneOf(connection), acts: actsNext, actions: actionsOf(connection) };
}

/**
 * The reason, or another one for a connection that has waited for a worker for long.
 * @param {Api.Connection} connection
 */
function reasonOf({ reason, actsNext }) {
  return reason === 'waiting_for_worker' && actsNext === 'operator' ? 'waiting_for_worker_long' : reason;
}

/** @param {Api.Connection} connection */
function toneOf({ state, reason, actsNext }) {
  if (reason === 'waiting_for_worker' && actsNext === 'operator') return 'warn';
  return actsNext === 'operator' || (reason && BAD.includes(reason)) ? 'bad' : TONES[state];
}

/**
 * Which actions are offered: of what may be done, what helps in this state.
 * @param {Api.Connection} connection
 * @returns {Record<string, boolean>}
 */
function actionsOf({ allowedCommands }) {
  /** @param {Api.Command} command */
  const may = (command) => allowedCommands.includes(command);
  const rests = may('start');
  return {
    link: may('link'),
    'send-link': may('link'),
    share: may('link'),
    start: rests && !may('link'),
    stop: may('stop'),
    // A start does the same.
    restart: may('restart') && !rests,
    logout: may('logout'),
    revoke: true,
    settings: true,
    delete: may('delete'),
  };
}
