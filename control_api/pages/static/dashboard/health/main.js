// @ts-check
/** The view of health: is everything well, and if not, what is not. */

import { byId, one, showOnly } from '../../shared/dom.js';
import { ROOT, api } from '../api.js';
import { keepTrue } from '../live.js';
import { clockTime, t } from '../texts.js';
import { showIntakeFailures } from './intake.js';
import { Queue } from './queue.js';
import { spanText } from './spans.js';
import { verdictOf } from './verdict.js';
import { showWarnings } from './warnings.js';
import { showWorkers } from './workers.js';

/** @import { Verdict } from './verdict.js' */

const LOOK_EVERY_MS = 10_000;
const ANSWER_WITHIN_MS = 15_000;
const WARNINGS_KNOWN_FOR_MS = 30_000;
const WARNINGS_SINCE_MS = 24 * 3_600_000;
const MOST_NAMED = 5;

class HealthView {
  #root = byId('health');
  #admin = this.#root.dataset.admin === 'yes';
  #queue;
  /** @type {Api.Health | null} */
  #health = null;
  /** @type {{connections?: Api.Connection[], workers?: Api.Worker[], warnings?: Api.LogRecord[], intake?: Api.IntakeFailure[]}} */
  #known = {};
  #warningsAskedAt = -Infinity;
  #verdict = '';

  constructor() {
    this.#queue = new Queue(this.#root, () => refreshNow());
    const refreshNow = keepTrue(() => this.#refresh(), {
      'connection.state': (data) => this.#changed(data),
      'connection.deleted': () => false,
    });
    // A worker that dies says nothing: it is noticed by looking.
    setInterval(() => { if (!document.hidden) refreshNow(); }, LOOK_EVERY_MS);
  }

  async #refresh() {
    this.#health = await readHealth();
    if (this.#health?.checks.mongo === 'ok') await this.#readMore();
    this.#show();
    if (!this.#health) throw new TypeError('The server does not answer.');
  }

  /** Ask for what needs the database; what fails now stays as it was. */
  async #readMore() {
    const asked = [this.#read('connections', 'api/whatsapp/connections'), this.#queue.refresh()];
    if (this.#admin) asked.push(this.#read('workers', 'api/workers'), this.#readWarnings());
    await Promise.allSettled(asked);
  }

  /**
   * @param {'connections' | 'workers' | 'warnings' | 'intake'} name
   * @param {string} path
   */
  async #read(name, path) {
    this.#known[name] = (await api(path)).items;
  }

  async #readWarnings() {
    if (performance.now() - this.#warningsAskedAt < WARNINGS_KNOWN_FOR_MS) return;
    const since = new Date(Date.now() - WARNINGS_SINCE_MS).toISOString();
    await this.#read('intake', 'api/whatsapp/intake-failures?limit=20');
    await this.#read('warnings', `api/logs?${new URLSearchParams({ level: 'warn', since, limit: '100' })}`);
    this.#warningsAskedAt = performance.now();
  }

  /**
   * Judge anew by what an event tells of a connection.
   * @param {Api.StateEvent} data
   */
  #changed(data) {
    const known = this.#known.connections ?? [];
    const place = known.findIndex((each) => each.owner === data.owner && each.connectionId === data.connectionId);
    const before = known[place];
    if (!before) return false;
    if (Date.parse(data.since) < Date.parse(before.since)) return true;
    // What an event does not name is not so any more.
    const after = { ...before, reason: undefined, until: undefined, phoneNumber: undefined, ...data };
    this.#known.connections = known.with(place, after);
    this.#show();
    return true;
  }

  #show() {
    const health = this.#health;
    const { workers, connections, warnings, intake } = this.#known;
    const checks = health?.checks ?? null;
    const { samples } = this.#queue;
    this.#showVerdict(verdictOf({ checks, whatsapp: health?.whatsapp, workers, connections, samples }));
    this.#showParts(checks);
    this.#find('[data-as-of]').textContent = t('health.now', { time: clockTime(new Date()) });
    if (workers) {
      this.#find('[data-workers-part]').hidden = false;
      this.#find('[data-no-workers]').hidden = workers.length > 0;
      showWorkers(this.#find('[data-workers]'), workers, health?.version);
    }
    if (intake) {
      this.#find('[data-intake-part]').hidden = intake.length === 0;
      showIntakeFailures(this.#find('[data-intake]'), intake);
    }
    if (warnings) {
      this.#find('[data-warnings-part]').hidden = false;
      this.#find('[data-no-warnings]').hidden = warnings.length > 0;
      showWarnings(this.#find('[data-warnings]'), warnings);
    }
    showOnly(this.#root, 'when', 'health');
  }

  /** @param {Verdict} verdict */
  #showVerdict(verdict) {
    // What is the same is left alone: a screen reader would say it again.
    const seen = JSON.stringify(verdict);
    if (seen === this.#verdict) return;
    this.#verdict = seen;
    const { tone, key, names = [], seconds = 0, link } = verdict;
    const part = this.#find('[data-verdict]');
    part.dataset.verdict = key;
    part.dataset.tone = tone;
    showOnly(part, 'tone-picture', tone);
    one(part, '[data-title]').textContent = t(`health.verdict.${key}.title`);
    const values = { names: listed(names), time: spanText(seconds) };
    one(part, '[data-text]').textContent = t(`health.verdict.${key}.text`, values);
    const anchor = one(part, '[data-link]', HTMLAnchorElement);
    anchor.hidden = !link;
    if (link) {
      anchor.href = ROOT + link;
      anchor.textContent = t(`health.verdict.${key}.link`);
    }
    part.hidden = false;
  }

  /** @param {Api.Checks | null} checks */
  #showParts(checks) {
    // Without the database nobody knows of the workers.
    const workers = checks?.mongo === 'ok' ? checks.workers : undefined;
    this.#showPart('mongo', checks?.mongo);
    this.#showPart('redis', checks?.redis);
    this.#showPart('disk', checks?.disk ?? undefined);
    if (workers) this.#showPart('workers', 'ok', t('health.workers.alive', { n: workers }));
    else this.#showPart('workers', workers === 0 ? 'down' : 'unknown');
  }

  /**
   * @param {string} name
   * @param {string} [state]
   * @param {string} [words]
   */
  #showPart(name, state = 'unknown', words = t(`health.state.${state}`)) {
    const part = this.#find(`[data-part=${name}] [data-state]`);
    part.dataset.state = state;
    one(part, '[data-word]').textContent = words;
  }

  /** @param {string} selector */
  #find(selector) {
    return one(this.#root, selector);
  }
}

/**
 * Names one after the other, each read in its own direction; of many, how many more there are.
 * @param {string[]} names
 */
function listed(names) {
  const shown = names.slice(0, MOST_NAMED).map((name) => `\u2068${name}\u2069`).join(', ');
  const more = names.length - MOST_NAMED;
  return more > 0 ? `${shown} ${t('health.verdict.more', { n: more })}` : shown;
}

/**
 * What the server says of itself, which it says with an error's status, too; null for no answer.
 * @returns {Promise<Api.Health | null>}
 */
async function readHealth() {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const response = await fetch(`${ROOT}health`, { cache: 'no-store', signal });
    const health = await response.json();
    return health.checks ? health : null;
  } catch {
    return null;
  }
}

new HealthView();
