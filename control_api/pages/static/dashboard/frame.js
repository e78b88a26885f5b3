// @ts-check
/** What every view has: menus, and telling when the line is down. */

import './menus.js';
import { byId, showOnly } from '../shared/dom.js';

const bars = byId('connectivity');

/**
 * Say that we are not reached, or with null that we are.
 * @param {'offline' | 'unreachable' | null} state
 */
export function showConnectivity(state) {
  showOnly(bars, 'connectivity', state);
}
