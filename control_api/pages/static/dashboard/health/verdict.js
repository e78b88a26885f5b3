/** Say in one sentence whether everything is well: the worst that is known comes first. */

import { SENDS, meaningOf } from '../connections/meaning.js';

const PEOPLE = ['admin', 'phone', 'operator'];
const COMING_UP = ['starting', 'syncing'];
const NOT_LINKED_YET = ['awaiting_scan', 'passkey_required'];
const LONG_SECONDS = 600;

/**
 * Return `{tone, key, names?, seconds?, link?}`; `checks` is null when the server does not answer,
 * and what only administrators may see can be missing.
 */
export function verdictOf({ checks, whatsapp, workers = [], connections, samples = [] }) {
  if (!checks) return { tone: 'bad', key: 'unreachable' };
  if (checks.mongo === 'down') return { tone: 'bad', key: 'mongo' };
  if (!checks.workers) return { tone: 'bad', key: 'no_worker' };
  if (whatsapp === 'changed') return { tone: 'bad', key: 'changed' };
  const wanted = connections?.filter((each) => each.state !== 'stopped');
  const silent = ofAll(wanted);
  if (silent) return silent;
  if (checks.redis === 'down') return { tone: 'warn', key: 'redis' };
  return ofWorkers(workers) ?? ofSome(wanted) ?? ofUnconfirmed(wanted) ?? ofQueue(samples) ?? allIsWell(wanted);
}

/** Nothing goes out when none of the connections that should run sends. */
function ofAll(wanted) {
  const works = ({ state }) => SENDS.includes(state) || state === 'degraded';
  if (!wanted?.length || wanted.some(works)) return null;
  const tone = wanted.some(isMissed) ? 'bad' : 'warn';
  const key = wanted.every(isComingUp) ? 'coming_up' : 'none_connected';
  return { tone, key, names: namesOf(wanted), link: 'dashboard' };
}

/** As after a restart: it goes on by itself. */
function isComingUp(connection) {
  return COMING_UP.includes(connection.state) && meaningOf(connection).acts === 'worker';
}

/** One that no phone was linked to yet is no fault: its number is what its maker typed. */
function isMissed(connection) {
  const { state, phoneNumber, queue } = connection;
  if (meaningOf(connection).tone === 'bad') return true;
  if (isComingUp(connection)) return false;
  return queue.queued > 0 || (Boolean(phoneNumber) && !NOT_LINKED_YET.includes(state));
}

function ofWorkers(workers) {
  const lost = workers.filter((each) => !each.alive);
  if (lost.length) return { tone: 'warn', key: 'worker_lost', names: lost.map((each) => each.worker) };
  const full = workers.length > 0 && workers.every((each) => each.running >= each.capacity);
  return full ? { tone: 'warn', key: 'full' } : null;
}

function ofSome(wanted = []) {
  const needy = wanted.filter((each) => PEOPLE.includes(meaningOf(each).acts));
  const away = wanted.filter((each) => needy.includes(each) || each.state === 'disconnected');
  if (!away.length) return null;
  const tone = needy.some((each) => meaningOf(each).tone === 'bad') ? 'bad' : 'warn';
  return { tone, key: needy.length ? 'connections' : 'away', names: namesOf(away), link: 'dashboard' };
}

function ofUnconfirmed(wanted = []) {
  const unconfirmed = wanted.filter((each) => each.state === 'degraded');
  if (!unconfirmed.length) return null;
  return { tone: 'warn', key: 'unconfirmed', names: namesOf(unconfirmed), link: 'dashboard' };
}

function ofQueue(samples) {
  const seconds = samples.at(-1)?.oldestSeconds ?? 0;
  if (seconds < LONG_SECONDS) return null;
  return { tone: 'warn', key: 'slow', seconds, link: 'dashboard/messages?group=waiting' };
}

/** What is not known yet is not promised. */
function allIsWell(wanted) {
  if (!wanted) return { tone: 'good', key: 'parts' };
  if (!wanted.length) return { tone: 'good', key: 'idle', link: 'dashboard' };
  return { tone: 'good', key: 'good' };
}

function namesOf(connections) {
  return connections.map((each) => each.name);
}
