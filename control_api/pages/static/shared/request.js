// @ts-check
/** Ask our own server. */

/** What the server refuses, with the stable code of its problem. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {Partial<Api.Problem> & { id?: string }} problem
   */
  constructor(status, problem) {
    super(problem.code ?? String(status));
    this.status = status;
    /** All that was said of it, such as the variable that a template does not know. */
    this.problem = problem;
    this.code = problem.code ?? '';
    this.retryAfterSeconds = problem.retryAfterSeconds ?? 0;
    /** The id of the record that exists already, where that is the problem. */
    this.id = problem.id ?? '';
  }
}

/**
 * @typedef {object} Options
 * @property {string} [method]
 * @property {unknown} [body] What goes as JSON.
 * @property {Blob} [file] What goes as it is, under its own type, in place of a body.
 * @property {Record<string, string>} [headers]
 * @property {number} [within] Milliseconds.
 * @property {AbortSignal} [signal]
 */

/**
 * Return the JSON of an answer, or null where there is none.
 * Throws Refusal for an error of the server, and others when there is no answer in time.
 * @param {string} url
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function ask(url, { method = 'GET', body, file, headers = {}, within = 30_000, signal } = {}) {
  const limit = new AbortController();
  signal?.addEventListener('abort', () => limit.abort());
  const timer = setTimeout(() => limit.abort(), within);
  try {
    const response = await fetch(url, {
      method,
      headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? file : JSON.stringify(body),
      cache: 'no-store',
      signal: limit.signal,
    });
    if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
    const isJson = response.headers.get('Content-Type')?.includes('json');
    return isJson ? await response.json() : null;
  } finally {
    clearTimeout(timer);
  }
}
