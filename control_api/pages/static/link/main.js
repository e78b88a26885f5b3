/** The page of a signed link. */

import { Linking } from './linking.js';
import { SignedLink } from './signed_link.js';

const DONE = ['linked', 'already', 'returning', 'link_expired', 'link_used', 'link_unknown'];

function tell(stage, { connection, linkExpiresAt }) {
  if (connection) {
    document.querySelector('[data-connection]').textContent = connection;
    tellLocalTime(linkExpiresAt);
    for (const part of document.querySelectorAll('[data-known]')) part.hidden = false;
  }
  for (const part of document.querySelectorAll('[data-until-done]')) part.hidden = DONE.includes(stage);
}

function tellLocalTime(moment) {
  const time = document.querySelector('[data-local-time]');
  const language = document.documentElement.lang;
  // The reader's own variety of the language knows how they write the time.
  const own = navigator.languages.find((each) => each.split('-')[0] === language);
  const format = new Intl.DateTimeFormat(own ?? language, { timeStyle: 'short' });
  time.dateTime = moment;
  time.textContent = format.format(new Date(moment));
}

// Another link that is opened here changes nothing but what stands behind the #.
addEventListener('hashchange', () => location.reload());
for (const language of document.querySelectorAll('.languages a')) language.hash = location.hash;
await new Linking(document.getElementById('link'), new SignedLink(location.href), tell).run();
