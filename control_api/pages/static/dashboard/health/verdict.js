// @ts-check
/** Say in one sentence whether everything is well: the worst that is known comes first. */

import { meaningOf, sends } from '../connections/meaning.js';

/**
 * What is known; `checks` is null when the server does not answer, and what only administrators may
 * see can be missing.
 * @typedef {object} Known
 * @property {Api.Checks | null} checks
 * @property {string | null} [whatsapp]
 * @property {Api.Worker[]} [workers]
 * @property {Api.Connection[]} [connections]
 * @property {Api.Sample[]} [samples]
 */
/**
 * @typedef {object} Verdict
 * @property {'good' | 'warn' | 'bad'} tone
 * @property {string} key
 * @property {string[]} [names]
 * @property {number} [seconds]
 * @property {string} [link]
 */

const PEOPLE = ['admin', 'phone', 'operator'];
const COMING_UP = ['starting', 'syncing'];
const NOT_LINKED_YET = ['awaiting_scan', 'passkey_required'];
const LONG_SECONDS = 600;

/**
 * @param {Known} known
 * @returns {Verdict}
 */
export function verdictOf({ checks, whatsapp, workers = [], connections, samples = [] }) {
  if (!checks) return { tone: 'bad', key: 'unreachable' };
  if (checks.disk === 'disk_full') return { tone: 'bad', key: 'disk_full' };
  if (checks.mongo === 'down') return { tone: 'bad', key: 'mongo' };
  if (!checks.workers) return { tone: 'bad', key: 'no_worker' };
  if (whatsapp === 'changed') return { tone: 'bad', key: 'changed' };
  const wanted = connections?.filter((each) => each.state !== 'stopped');
  const silent = ofAll(wanted);
  if (silent) return silent;
  if (checks.redis === 'down') return { tone: 'warn', key: 'redis' };
  if (checks.disk === 'disk_low') return { tone: 'warn', key: 'disk_low' };
  return ofWorkers(workers) ?? ofSome(wanted) ?? ofUnconfirmed(wanted) ?? ofQueue(samples) ?? allIsWell(wanted);
}

/**
 * Nothing goes out when none of the connections that should run sends.
 * @param {Api.Connection[]} [wanted]
 * @returns {Verdict | null}
 */
function ofAll(wanted) {
  /** @param {Api.Connection} each */
  const works = (each) => sends(each) || each.state === 'degraded';
  if (!wanted?.length || wanted.some(works)) return null;
  const tone = wanted.some(isMissed) ? 'bad' : 'warn';
  const key = wanted.every(isComingUp) ? 'coming_up' : 'none_connected';
  return { tone, key, names: namesOf(wanted), link: 'dashboard' };
}

/**
 * As after a restart: it goes on by itself.
 * @param {Api.Connection} connection
 */
function isComingUp(connection) {
  return COMING_UP.includes(connection.state) && connection.actsNext === 'worker';
}

/**
 * One that no phone was linked to yet is no fault: its number is what its maker typed.
 * @param {Api.Connection} connection
 */
function isMissed(connection) {
  const { state, phoneNumber, queue } = connection;
  if (meaningOf(connection).tone === 'bad') return true;
  if (isComingUp(connection)) return false;
  return queue.queued > 0 || (Boolean(phoneNumber) && !NOT_LINKED_YET.includes(state));
}

/**
 * @param {Api.Worker[]} workers
 * @returns {Verdict | null}
 */
function ofWorkers(workers) {
  const lost = workers.filter((each) => !each.alive);
  if (lost.length) return { tone: 'warn', key: 'worker_lost', names: lost.map((each) => each.worker) };
  const full = workers.length > 0 && workers.every((each) => each.running >= each.capacity);
  return full ? { tone: 'warn', key: 'full' } : null;
}

/**
 * @param {Api.Connection[]} [wanted]
 * @returns {Verdict | null}
 */
function ofSome(wanted = []) {
  const needy = wanted.filter((each) => PEOPLE.includes(each.actsNext));
  const away = wanted.filter((each) => needy.includes(each) || each.state === 'disconnected');
  if (!away.length) return null;
  const tone = needy.some((each) => meaningOf(each).tone === 'bad') ? 'bad' : 'warn';
  return { tone, key: needy.length ? 'connections' : 'away', names: namesOf(away), link: 'dashboard' };
}

/**
 * @param {Api.Connection[]} [wanted]
 * @returns {Verdict | null}
 */
function ofUnconfirmed(wanted = []) {
  const unconfirmed = wanted.filter((each) => each.state === 'degraded');
  if (!unconfirmed.length) return null;
  return { tone: 'warn', key: 'unconfirmed', names: namesOf(unconfirmed), link: 'dashboard' };
}

/**
 * @param {Api.Sample[]} samples
 * @returns {Verdict | null}
 */
function ofQueue(samples) {
  const seconds = samples.at(-1)?.oldestSeconds ?? 0;
  if (seconds < LONG_SECONDS) return null;
  return { tone: 'warn', key: 'slow', seconds, link: 'dashboard/messages?group=waiting' };
}

/**
 * What is not known yet is not promised.
 * @param {Api.Connection[]} [wanted]
 * @returns {Verdict}
 */
function allIsWell(wanted) {
  if (!wanted) return { tone: 'good', key: 'parts' };
  if (!wanted.length) return { tone: 'good', key: 'idle', link: 'dashboard' };
  return { tone: 'good', key: 'good' };
}

/** @param {Api.Connection[]} connections */
function namesOf(connections) {
  return connections.map((each) => each.name);
}
