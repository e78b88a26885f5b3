/** Follow how far linking is, and show what to do: for the page of a link, and the dashboard. */

import { showOnly } from '../shared/dom.js';
import { ask } from '../shared/request.js';
import { Pairing } from './pairing.js';
import { Scan } from './scan.js';
import { watch } from './watch.js';

const WITH_METHODS = ['starting', 'asleep', 'scan'];
const ENDS = ['linked', 'already', 'link_expired'];

/** The part of a page that links a phone, by the signed link at `base`. */
export class Linking {
  #root;
  #base;
  #shown;
  #scan;
  #pairing;
  #anythingSeen = false;
  #scanned = false;

  /** `shown(stage)` is called with each stage that is shown. */
  constructor(root, base, shown) {
    this.#root = root;
    this.#base = base;
    this.#shown = shown;
    this.#scan = new Scan(root.querySelector('[data-is=scan]'));
    this.#pairing = new Pairing(root.querySelector('[data-is=code]'), base);
  }

  /** Go on until the end, or until the signal aborts. */
  async run(signal) {
    this.#root.addEventListener('change', (event) => {
      if (event.target.name === 'method') this.#root.dataset.method = event.target.value;
    });
    await watch(this.#base, (state) => this.#show(state), signal);
  }

  /** Show a state; return whether it is the last one. */
  async #show(state) {
    const stage = this.#meaning(state.stage);
    this.#anythingSeen = true;
    const methods = WITH_METHODS.includes(stage);
    this.#root.dataset.stage = stage;
    this.#root.querySelector('[data-methods]').hidden = !methods;
    showOnly(this.#root, 'notice', methods ? null : stage);
    this.#scan.code = state.qr ?? null;
    this.#pairing.ready = stage === 'scan';
    this.#shown(stage);
    if (stage === 'asleep') await ask(`${this.#base}/start`, { method: 'POST' });
    return ENDS.includes(stage);
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
}
