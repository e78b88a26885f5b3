// @ts-check
/** What can be done with a connection: at once, or after a dialog. */

import { api } from '../api.js';
import { ConfirmDialog } from '../confirm_dialog.js';
import { kindOf } from '../dialog.js';
import { connectionPath } from '../paths.js';
import { t } from '../texts.js';
import { toast } from '../toast.js';
import { CreateDialog } from './create_dialog.js';
import { LinkingDialog } from './linking_dialog.js';
import { SettingsDialog } from './settings_dialog.js';
import { ShareDialog } from './share_dialog.js';

const KINDS = { wrong_state: 'wrong_state', connection_not_found: 'gone' };
/**
 * What is asked of the API once somebody has confirmed: the end of the path, and the method.
 * @type {Record<string, [string, string]>}
 */
const ASKS = { logout: ['/logout', 'POST'], delete: ['', 'DELETE'], revoke: ['/qr-link', 'DELETE'] };

/** Runs actions; `changed()` is called after something was changed. */
export class Actions {
  #changed;
  #create = new CreateDialog();
  #settings = new SettingsDialog();
  #share = new ShareDialog();
  #linking;
  /** @type {Record<string, ConfirmDialog>} */
  #confirm = {
    logout: new ConfirmDialog('logout', KINDS),
    delete: new ConfirmDialog('delete', KINDS),
    revoke: new ConfirmDialog('revoke', KINDS),
  };

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
    this.#linking = new LinkingDialog(this.#share, changed);
  }

  /**
   * Create a connection, then link a phone to it.
   * @param {string[]} takenIds
   */
  async create(takenIds) {
    const connection = await this.#create.ask(takenIds);
    if (!connection) return;
    this.#changed();
    this.#linking.open(connection, '');
  }

  /**
   * Run an action on a connection; `scope` is the query that names its owner, if another.
   * @param {string} action
   * @param {Api.Connection} connection
   * @param {string} scope
   */
  async run(action, connection, scope) {
    if (action === 'link') this.#linking.open(connection, scope);
    else if (action === 'share' || action === 'send-link') this.#share.open(connection, scope);
    else if (action === 'settings') await this.#change(connection, scope);
    else if (action in this.#confirm) await this.#ask(action, connection, scope);
    else await this.#command(action, connection, scope);
  }

  /**
   * @param {string} action
   * @param {Api.Connection} connection
   * @param {string} scope
   */
  async #ask(action, connection, scope) {
    const path = connectionPath(connection);
    const [end, method] = ASKS[action];
    const send = () => api(path + end + scope, { method });
    if (await this.#confirm[action].ask(connection, send)) this.#done(action, connection);
  }

  /**
   * @param {Api.Connection} connection
   * @param {string} scope
   */
  async #change(connection, scope) {
    if (await this.#settings.ask(connection, scope)) this.#done('settings', connection);
  }

  /**
   * @param {string} action
   * @param {Api.Connection} connection
   * @param {string} scope
   */
  async #command(action, connection, scope) {
    try {
      await api(`${connectionPath(connection)}/${action}${scope}`, { method: 'POST' });
      this.#done(action, connection);
    } catch (error) {
      toast(t(`connections.error.${kindOf(error, KINDS)}`));
      this.#changed();
    }
  }

  /**
   * @param {string} action
   * @param {Api.Connection} connection
   */
  #done(action, { name }) {
    toast(t(`connections.asked.${action}`, { name }));
    this.#changed();
  }
}
