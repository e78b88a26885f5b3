/** Say in one sentence whether everything is well: the worst that is known comes first. */

const NEEDS_SOMEBODY = ['awaiting_scan', 'passkey_required', 'logged_out', 'failed'];
const LONG_SECONDS = 600;

/**
 * Return `{tone, key, names?, seconds?, link?}`; `checks` is null when the server does not answer,
 * and what only administrators may see can be missing.
 */
export function verdictOf({ checks, workers = [], connections = [], samples = [] }) {
  if (!checks) return { tone: 'bad', key: 'unreachable' };
  if (checks.mongo === 'down') return { tone: 'bad', key: 'mongo' };
  if (!checks.workers) return { tone: 'bad', key: 'no_worker' };
  if (checks.redis === 'down') return { tone: 'warn', key: 'redis' };
  return ofWorkers(workers) ?? ofConnections(connections) ?? ofQueue(samples) ?? { tone: 'good', key: 'good' };
}

function ofWorkers(workers) {
  const lost = workers.filter((each) => !each.alive);
  if (lost.length) return { tone: 'warn', key: 'worker_lost', names: lost.map((each) => each.worker) };
  const full = workers.length > 0 && workers.every((each) => each.running >= each.capacity);
  return full ? { tone: 'warn', key: 'full' } : null;
}

function ofConnections(connections) {
  const needy = connections.filter((each) => NEEDS_SOMEBODY.includes(each.state));
  if (!needy.length) return null;
  return { tone: 'warn', key: 'connections', names: needy.map((each) => each.name), link: 'dashboard' };
}

function ofQueue(samples) {
  const seconds = samples.at(-1)?.oldestSeconds ?? 0;
  if (seconds < LONG_SECONDS) return null;
  return { tone: 'warn', key: 'slow', seconds, link: 'dashboard/messages?group=waiting' };
}
