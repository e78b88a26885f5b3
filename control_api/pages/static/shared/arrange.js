// @ts-check
/** Put elements in order without touching those that stand right, since one may have the focus. */

/**
 * Let a list have these elements in this order; what is in its place is left alone.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} wanted
 */
export function arrange(list, wanted) {
  const kept = new Set(wanted);
  for (const each of [...list.children]) {
    if (!kept.has(/** @type {HTMLElement} */ (each))) each.remove();
  }
  let place = list.firstElementChild;
  for (const element of wanted) {
    if (element === place) place = element.nextElementSibling;
    else list.insertBefore(element, place);
  }
}
