// @ts-check
/** Follow how far linking is, and show what to do: for the page of a link, and the dashboard. */

import { closest, one, showOnly } from '../shared/dom.js';
import { Pairing } from './pairing.js';
import { Scan } from './scan.js';
import { watch } from './watch.js';

/** @import { SignedLink } from './signed_link.js' */
/** @import { Shown } from './watch.js' */

const WITH_METHODS = ['starting', 'asleep', 'scan'];
const ENDS = ['linked', 'already', 'link_expired', 'link_used', 'link_unknown'];

/** The part of a page that links a phone, by a signed link. */
export class Linking {
  #root;
  #link;
  #shown;
  #scan;
  #pairing;
  #anythingSeen = false;
  #scanned = false;

  /**
   * `shown(stage, state)` is called with each stage that is shown, and what the server told.
   * @param {HTMLElement} root
   * @param {SignedLink} link
   * @param {(stage: string, state: Shown) => void} shown
   */
  constructor(root, link, shown) {
    this.#root = root;
    this.#link = link;
    this.#shown = shown;
    this.#scan = new Scan(one(root, '[data-is=scan]'));
    this.#pairing = new Pairing(one(root, '[data-is=code]'), link);
  }

  /**
   * Go on until the end, or until the signal aborts.
   * @param {AbortSignal} [signal]
   */
  async run(signal) {
    this.#root.addEventListener('change', ({ target }) => {
      if (target instanceof HTMLInputElement && target.name === 'method') this.#root.dataset.method = target.value;
    });
    this.#root.addEventListener('click', (event) => {
      // What fails is asked for once more by whoever waits.
      if (closest(event, '[data-start]')) this.#start().catch(() => {});
    });
    await watch(this.#link, (state) => this.#show(state), signal);
  }

  /**
   * Show a state; return whether it is the last one.
   * @param {Shown} state
   */
  async #show(state) {
    const stage = this.#meaning(state.stage);
    this.#anythingSeen = true;
    const methods = WITH_METHODS.includes(stage);
    this.#root.dataset.stage = stage;
    one(this.#root, '[data-methods]').hidden = !methods;
    showOnly(this.#root, 'notice', methods ? null : stage);
    this.#scan.code = state.qr ?? null;
    this.#pairing.ready = stage === 'scan';
    this.#shown(stage, state);
    if (stage === 'asleep') await this.#start();
    return ENDS.includes(stage);
  }

  #start() {
    return this.#link.ask('start', { method: 'POST' });
  }

  /**
   * What a stage means on this page, which remembers what went before.
   * @param {string} stage
   */
  #meaning(stage) {
    if (stage === 'scan' || stage === 'other_number') this.#scanned = false;
    if (stage === 'finishing' || stage === 'passkey') this.#scanned = true;
    // After a scan WhatsApp's page loads anew: for the phone that is no new beginning.
    if (stage === 'starting' && this.#scanned) return 'finishing';
    if (stage === 'link_used' && this.#anythingSeen) return 'linked';
    if (stage === 'linked' && !this.#anythingSeen) return 'already';
    return stage;
  }
}
