/** Lengths of time in one unit, as short as they stay clear. */

import { number, t } from '../texts.js';

const UNITS = [['long_days', 172_800, 86_400], ['long_hours', 7_200, 3_600], ['minutes', 120, 60], ['seconds', 0, 1]];

/** Write a number of seconds. */
export function spanText(seconds) {
  const [unit, , length] = UNITS.find(([, least]) => seconds >= least);
  return t(`health.queue.${unit}`, { n: number(Math.round(seconds / length)) });
}
