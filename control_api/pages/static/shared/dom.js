/** Show one of several. */

/** Of the elements with this data attribute below `root`, show those with the value, hide others. */
export function showOnly(root, name, value) {
  for (const element of root.querySelectorAll(`[data-${name}]`)) {
    element.hidden = element.getAttribute(`data-${name}`) !== value;
  }
}
