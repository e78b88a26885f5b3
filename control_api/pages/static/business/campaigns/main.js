// @ts-check
/** The view of campaigns. */

import { keepTrue } from '../../dashboard/live.js';
import { byId, copyOf, one } from '../../shared/dom.js';
import { RecordList } from '../record_list.js';

const ITEM = byId('record', HTMLTemplateElement);

/** @param {{ id: string, name: string }} record */
function item({ name }) {
  const element = copyOf(ITEM);
  one(element, '[data-name]').textContent = name;
  return element;
}

const list = new RecordList(byId('campaigns'), { path: () => 'api/campaigns', item });
const refreshNow = keepTrue(() => list.refresh(), {});
list.further.addEventListener('click', () => {
  list.extend();
  refreshNow();
});
