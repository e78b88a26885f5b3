/** What every view has: menus, and telling when the line is down. */

import './menus.js';
import { showOnly } from '../shared/dom.js';

const bars = document.getElementById('connectivity');

/** Say that we are not reached (`offline`, `unreachable`), or with null that we are. */
export function showConnectivity(state) {
  showOnly(bars, 'connectivity', state);
}
