// @ts-check
/** How fast a connection may send, in the few ways that most people need. */

/**
 * The careful one is what the API takes when nothing is said.
 * @type {Record<string, Partial<Api.Pacing>>}
 */
export const PACES = {
  careful: {
    enabled: true,
    perMinute: 20,
    perHour: 240,
    perDay: 1000,
    newChatsPerDay: 50,
    jitterSeconds: [1, 4],
    typing: true,
  },
  faster: {
    enabled: true,
    perMinute: 60,
    perHour: 1000,
    perDay: 5000,
    newChatsPerDay: 500,
    jitterSeconds: [0.2, 0.8],
    typing: false,
  },
};

/**
 * Return the name of a pace, or `own` for one that somebody has set by the API.
 * @param {Api.Pacing} pacing
 */
export function nameOf(pacing) {
  const set = new Map(Object.entries(pacing));
  const found = Object.entries(PACES).find(([, pace]) => Object.entries(pace).every(
    ([name, value]) => String(set.get(name)) === String(value),
  ));
  return found?.[0] ?? 'own';
}
