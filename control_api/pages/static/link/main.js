/** The page of a signed link: follow how far linking is, and show what to do. */

import { showOnly } from '../shared/dom.js';
import { ask } from '../shared/request.js';
import { Pairing } from './pairing.js';
import { Scan } from './scan.js';
import { watch } from './watch.js';

const WITH_METHODS = ['starting', 'asleep', 'scan'];
const DONE = ['linked', 'already', 'returning', 'link_expired'];

class LinkPage {
  #base = location.pathname.replace(/\/$/, '');
  #root = document.getElementById('link');
  #scan = new Scan(this.#root.querySelector('[data-is=scan]'));
  #pairing = new Pairing(this.#root.querySelector('[data-is=code]'), this.#base);
  #anythingSeen = false;
  #scanned = false;

  async run() {
    this.#tellLocalTime();
    this.#root.addEventListener('change', (event) => {
      if (event.target.name === 'method') this.#root.dataset.method = event.target.value;
    });
    await watch(this.#base, (state) => this.#show(state));
  }

  /** Show a state; return whether it is the last one. */
  async #show(state) {
    const stage = this.#meaning(state.stage);
    this.#anythingSeen = true;
    const methods = WITH_METHODS.includes(stage);
    this.#root.dataset.stage = stage;
    this.#root.querySelector('[data-methods]').hidden = !methods;
    showOnly(this.#root, 'notice', methods ? null : stage);
    for (const part of document.querySelectorAll('[data-until-done]')) {
      part.hidden = DONE.includes(stage);
    }
    this.#scan.code = state.qr ?? null;
    this.#pairing.ready = stage === 'scan';
    if (stage === 'asleep') await ask(`${this.#base}/start`, { method: 'POST' });
    return stage === 'linked' || stage === 'already';
  }

  /** What a stage means on this page, which remembers what went before. */
  #meaning(stage) {
    if (stage === 'scan') this.#scanned = false;
    if (stage === 'finishing' || stage === 'passkey') this.#scanned = true;
    // After a scan WhatsApp's page loads anew: for the phone that is no new beginning.
    if (stage === 'starting' && this.#scanned) return 'finishing';
    if (stage === 'link_used') return 'linked';
    if (stage === 'link_unknown') return 'link_expired';
    if (stage === 'linked' && !this.#anythingSeen) return 'already';
    return stage;
  }

  #tellLocalTime() {
    const time = document.querySelector('[data-local-time]');
    const language = document.documentElement.lang;
    // The reader's own variety of the language knows how they write the time.
    const own = navigator.languages.find((each) => each.split('-')[0] === language);
    const format = new Intl.DateTimeFormat(own ?? language, { timeStyle: 'short' });
    time.textContent = format.format(new Date(time.dateTime));
  }
}

await new LinkPage().run();
