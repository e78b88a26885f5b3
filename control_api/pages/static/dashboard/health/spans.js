// @ts-check
/** Lengths of time in one unit, as short as they stay clear. */

import { t } from '../texts.js';

/** @type {[string, number, number][]} Each with the least and the length of one, in seconds. */
const UNITS = [['long_days', 172_800, 86_400], ['long_hours', 7_200, 3_600], ['minutes', 120, 60], ['seconds', 0, 1]];

/**
 * Write a number of seconds.
 * @param {number} seconds
 */
export function spanText(seconds) {
  const [unit, , length] = UNITS.find(([, least]) => seconds >= least) ?? ['seconds', 0, 1];
  return t(`health.queue.${unit}`, { n: Math.round(seconds / length) });
}
