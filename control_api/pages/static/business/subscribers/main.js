// @ts-check
/** The view of subscribers. */

import { keepTrue } from '../../dashboard/live.js';
import { byId, copyOf, one } from '../../shared/dom.js';
import { RecordList } from '../record_list.js';

const ITEM = byId('record', HTMLTemplateElement);

/** @param {{ id: string, name?: string, phone: string }} record */
function item({ name, phone }) {
  const element = copyOf(ITEM);
  one(element, '[data-name]').textContent = name || phone;
  return element;
}

const list = new RecordList(byId('subscribers'), { path: () => 'api/subscribers', item });
const refreshNow = keepTrue(() => list.refresh(), {});
list.further.addEventListener('click', () => {
  list.extend();
  refreshNow();
});
