// @ts-check
/** Show records as a list: an element for each, made anew only where its record has changed. */

import { arrange } from '../shared/arrange.js';

/**
 * Show records in a list. The focus stays where it was, also in an element that is made anew.
 * @template {{ id: string }} T
 * @param {HTMLElement} list
 * @param {T[]} records
 * @param {(record: T) => HTMLElement} make
 * @param {(record: T) => unknown} [seen] All that the element shows; the record, unless told.
 */
export function showRecords(list, records, make, seen = (record) => record) {
  const known = new Map([...list.children].map((each) => [each.getAttribute('data-id'), each]));
  const focused = document.activeElement;
  const wanted = records.map((record) => {
    const now = JSON.stringify(seen(record));
    const before = known.get(record.id);
    if (before instanceof HTMLElement && before.dataset.seen === now) return before;
    const made = make(record);
    Object.assign(made.dataset, { id: record.id, seen: now });
    return made;
  });
  const left = focused && list.contains(focused) ? placeOf(focused) : null;
  arrange(list, wanted);
  if (left && document.activeElement !== focused) focusAgain(list, left);
}

/** @param {Element} focused */
function placeOf(focused) {
  const id = focused.closest('[data-id]')?.getAttribute('data-id') ?? '';
  return { id, act: focused.getAttribute('data-act') ?? '' };
}

/**
 * @param {HTMLElement} list
 * @param {{ id: string, act: string }} place
 */
function focusAgain(list, { id, act }) {
  const element = list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  const same = act ? element?.querySelector(`[data-act="${CSS.escape(act)}"]`) : null;
  for (const each of [same, ...(element?.querySelectorAll('a, button, summary') ?? [])]) {
    if (each instanceof HTMLElement) each.focus();
    if (each && document.activeElement === each) return;
  }
}
