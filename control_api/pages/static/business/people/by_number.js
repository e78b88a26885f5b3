// @ts-check
/** Customers by their number: found, or made. */

import { api } from '../../dashboard/api.js';
import { Refusal } from '../../shared/request.js';

const ENOUGH_DIGITS = 7;

/**
 * Return the one customer of an owner who has a number, or null; it may lack its country code.
 * @param {string} number
 * @param {string} owner
 * @returns {Promise<Api.Customer | null>}
 */
export async function customerWith(number, owner) {
  const digits = number.replace(/\D/g, '').replace(/^0+/, '');
  if (digits.length < ENOUGH_DIGITS) return null;
  /** @type {Api.CustomerList} */
  const { items } = await api(`api/customers?${new URLSearchParams({ search: digits, owner })}`);
  const whole = /^\s*(\+|00)/.test(number);
  const same = items.filter(({ phone }) => (whole ? phone === `+${digits}` : phone.endsWith(digits)));
  return same.length === 1 ? same[0] : null;
}

/**
 * Return the id of the customer with a number, who is made if there is none.
 * @param {string} phone
 * @param {string} name '' if it is not known.
 * @param {string} owner
 * @returns {Promise<string>}
 */
export async function customerFor(phone, name, owner) {
  const known = await customerWith(phone, owner);
  if (known) return known.id;
  const body = { phone, name: name || undefined, language: document.documentElement.lang };
  try {
    const made = await api(`api/customers?${new URLSearchParams({ owner })}`, { method: 'POST', body });
    return made.id;
  } catch (error) {
    // Somebody else was quicker.
    if (error instanceof Refusal && error.code === 'already_exists' && error.id) return error.id;
    throw error;
  }
}
