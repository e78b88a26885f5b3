// @ts-check
/** The view of customers: find, add, import. */

import { ROOT } from '../../dashboard/api.js';
import { keepTrue } from '../../dashboard/live.js';
import { readableRecipient } from '../../dashboard/recipient.js';
import { t } from '../../dashboard/texts.js';
import { toast } from '../../dashboard/toast.js';
import { byId, closest, copyOf, field, one, setText } from '../../shared/dom.js';
import { ImportDialog } from '../import_dialog.js';
import { CustomerForm } from '../people/customer_form.js';
import { RecordList } from '../record_list.js';

const ITEM = byId('record', HTMLTemplateElement);
const SEARCH_AFTER_MS = 250;

class CustomersView {
  #root = byId('customers');
  #filter = one(this.#root, '[data-filter]', HTMLFormElement);
  #search = field(this.#filter, 'search');
  #tag = new URLSearchParams(location.search).get('tag') ?? '';
  #list = new RecordList(this.#root, {
    path: () => this.#path(), isNarrowed: () => Boolean(this.#search.value.trim() || this.#tag), item,
  });
  #form = new CustomerForm();
  #import = new ImportDialog('api/customers/import', () => this.#refreshNow());
  #timer = 0;
  #refreshNow = keepTrue(() => this.#list.refresh(), {});

  constructor() {
    this.#showTag();
    this.#search.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#refreshNow(), SEARCH_AFTER_MS);
    });
    this.#filter.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#refreshNow();
    });
    this.#root.addEventListener('click', (event) => {
      const tag = closest(event, '[data-tag]');
      if (tag) this.#choose(tag.dataset.tag ?? '');
      if (closest(event, '[data-create]')) this.#create();
      if (closest(event, '[data-import]')) this.#import.open();
    });
    this.#list.further.addEventListener('click', () => {
      this.#list.extend();
      this.#refreshNow();
    });
  }

  #path() {
    const query = new URLSearchParams();
    const search = this.#search.value.trim();
    if (search) query.set('search', search);
    if (this.#tag) query.set('tag', this.#tag);
    return `api/customers?${query}`;
  }

  /** @param {string} tag */
  #choose(tag) {
    this.#tag = tag;
    history.replaceState(null, '', tag ? `?${new URLSearchParams({ tag })}` : location.pathname);
    this.#showTag();
    this.#search.focus();
    this.#refreshNow();
  }

  #showTag() {
    const chosen = one(this.#root, '[data-chosen]');
    chosen.hidden = !this.#tag;
    setText(one(chosen, 'bdi'), this.#tag);
  }

  async #create() {
    const made = await this.#form.ask(null);
    if (!made) return;
    toast(t('business.customers.done.create', { name: `\u2068${made.name || made.phone}\u2069` }));
    this.#refreshNow();
  }
}

/** @param {Api.Customer} customer */
function item({ id, name, phone, tags, notes, consents }) {
  const element = copyOf(ITEM);
  const number = readableRecipient(`${phone.slice(1)}@c.us`);
  const link = one(element, 'a', HTMLAnchorElement);
  link.href = `${ROOT}provider/customers/${encodeURIComponent(id)}`;
  setText(one(link, 'bdi'), name || number);
  setText(one(element, '[data-phone]'), name ? number : '');
  setText(one(element, '[data-notes]'), notes);
  const refused = Object.entries(consents).filter(([, { state }]) => state === 'out').map(([purpose]) => t(`business.consent.${purpose}`));
  one(element, '[data-out]').hidden = refused.length === 0;
  setText(one(element, '[data-out]'), t('business.customers.out', { purposes: refused.join(', ') }));
  one(element, '[data-tags]').append(...tags.map(tagItem));
  return element;
}

/** @param {string} tag */
function tagItem(tag) {
  const item_ = document.createElement('li');
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', className: 'tag' });
  Object.assign(button.dataset, { tag, act: `tag ${tag}` });
  button.textContent = tag;
  button.setAttribute('aria-label', t('business.customers.with_tag', { tag: `\u2068${tag}\u2069` }));
  item_.append(button);
  return item_;
}

new CustomersView();
