/** The page of a signed link. */

import { Linking } from './linking.js';

const DONE = ['linked', 'already', 'returning', 'link_expired'];

function hideWhatIsDone(stage) {
  for (const part of document.querySelectorAll('[data-until-done]')) {
    part.hidden = DONE.includes(stage);
  }
}

function tellLocalTime() {
  const time = document.querySelector('[data-local-time]');
  const language = document.documentElement.lang;
  // The reader's own variety of the language knows how they write the time.
  const own = navigator.languages.find((each) => each.split('-')[0] === language);
  const format = new Intl.DateTimeFormat(own ?? language, { timeStyle: 'short' });
  time.textContent = format.format(new Date(time.dateTime));
}

tellLocalTime();
const base = location.pathname.replace(/\/$/, '');
await new Linking(document.getElementById('link'), base, hideWhatIsDone).run();
