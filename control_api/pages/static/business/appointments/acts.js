// @ts-check
/** What is done with an appointment: confirm, complete, no-show, move, cancel, delete. */

import { api } from '../../dashboard/api.js';
import { ConfirmDialog } from '../../dashboard/confirm_dialog.js';
import { kindOf, working } from '../../dashboard/dialog.js';
import { recordPath } from '../../dashboard/paths.js';
import { exactTime, t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { field } from '../../shared/dom.js';
import { FormDialog, Wrong } from '../form_dialog.js';
import { fieldValue } from '../local_time.js';
import { personName } from './item.js';

/** @type {Record<string, string>} */
const KINDS = {
  appointment_not_found: 'gone',
  not_possible_now: 'changed',
  already_exists: 'changed',
  rate_limited: 'many',
};

/** Does what the buttons of an appointment say; `changed()` is called after each. */
export class AppointmentActs {
  #changed;
  #cancel = new ConfirmDialog('cancel-appointment', KINDS);
  #delete = new ConfirmDialog('delete-appointment', KINDS);
  #move = new FormDialog('move-appointment', KINDS);

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {Api.Appointment} appointment
   */
  async act(button, appointment) {
    const act = button.dataset.act ?? '';
    const path = recordPath('appointments', appointment);
    const post = () => api(`${path}/${act}`, { method: 'POST' });
    const name = `\u2068${personName(appointment)}\u2069, ${exactTime(new Date(appointment.startsAt))}`;
    /** @type {Record<string, () => Promise<boolean>>} */
    const asking = {
      cancel: () => this.#cancel.ask({ name }, post),
      delete: () => this.#delete.ask({ name }, () => api(path, { method: 'DELETE' })),
      reschedule: () => this.#reschedule(appointment, path),
    };
    const done = await (asking[act]?.() ?? this.#directly(button, post));
    if (done) toast(t(`business.appointment.done.${act}`, { name: `\u2068${personName(appointment)}\u2069` }));
    this.#changed();
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {() => Promise<unknown>} send
   */
  async #directly(button, send) {
    try {
      await working(button, send);
      return true;
    } catch (error) {
      toast(t(`business.common.error.${kindOf(error, KINDS)}`));
      return false;
    }
  }

  /**
   * @param {Api.Appointment} appointment
   * @param {string} path
   */
  async #reschedule(appointment, path) {
    const at = field(this.#move.form, 'at');
    const moved = await this.#move.ask(
      () => {
        at.value = fieldValue(new Date(appointment.startsAt));
        return at;
      },
      () => {
        if (!at.value) throw new Wrong('time', at);
        const body = { startsAt: new Date(at.value).toISOString() };
        return api(`${path}/reschedule`, { method: 'POST', body });
      },
    );
    return moved !== null;
  }
}
