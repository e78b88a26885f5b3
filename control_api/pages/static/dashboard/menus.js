// @ts-check
/** Menus that open below a button: closed by Escape, by a click elsewhere, and by choosing. */

import { closest, one } from '../shared/dom.js';

const openMenus = () => document.querySelectorAll('details[data-menu][open]');

document.addEventListener('click', (event) => {
  for (const menu of openMenus()) {
    const inside = event.target instanceof Node && menu.contains(event.target);
    if (!inside || closest(event, 'button')) menu.removeAttribute('open');
  }
});

document.addEventListener('keydown', (event) => {
  const [menu] = event.key === 'Escape' ? openMenus() : [];
  if (!menu) return;
  menu.removeAttribute('open');
  one(menu, 'summary').focus();
});
