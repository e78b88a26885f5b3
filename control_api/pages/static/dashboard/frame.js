/** What every view has: the menu, and telling when the line is down. */

import { showOnly } from '../shared/dom.js';

const menu = document.querySelector('[data-menu]');
document.addEventListener('click', (event) => {
  if (menu.open && !menu.contains(event.target)) menu.open = false;
});
menu.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !menu.open) return;
  menu.open = false;
  menu.querySelector('summary').focus();
});

const bars = document.getElementById('connectivity');
/** Say that we are not reached (`offline`, `unreachable`), or with null that we are. */
export function showConnectivity(state) {
  showOnly(bars, 'connectivity', state);
}
