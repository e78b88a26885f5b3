// @ts-check
/** The page of a signed link. */

import { byId, one } from '../shared/dom.js';
import { Linking } from './linking.js';
import { SignedLink } from './signed_link.js';

/** @import { Shown } from './watch.js' */

const DONE = ['linked', 'already', 'returning', 'link_expired', 'link_used', 'link_unknown'];

/**
 * @param {string} stage
 * @param {Shown} state
 */
function tell(stage, { connection, linkExpiresAt }) {
  if (connection && linkExpiresAt) {
    one(document, '[data-connection]').textContent = connection;
    tellLocalTime(linkExpiresAt);
    hide('[data-known]', false);
  }
  hide('[data-until-done]', DONE.includes(stage));
}

/**
 * @param {string} selector
 * @param {boolean} hidden
 */
function hide(selector, hidden) {
  for (const part of document.querySelectorAll(selector)) /** @type {HTMLElement} */ (part).hidden = hidden;
}

/** @param {string} moment */
function tellLocalTime(moment) {
  const time = one(document, '[data-local-time]', HTMLTimeElement);
  const language = document.documentElement.lang;
  // The reader's own variety of the language knows how they write the time.
  const own = navigator.languages.find((each) => each.split('-')[0] === language);
  const format = new Intl.DateTimeFormat(own ?? language, { timeStyle: 'short' });
  time.dateTime = moment;
  time.textContent = format.format(new Date(moment));
}

// Another link that is opened here changes nothing but what stands behind the #.
addEventListener('hashchange', () => location.reload());
for (const language of document.querySelectorAll('.languages a')) {
  /** @type {HTMLAnchorElement} */ (language).hash = location.hash;
}
await new Linking(byId('link'), new SignedLink(location.href), tell).run();
