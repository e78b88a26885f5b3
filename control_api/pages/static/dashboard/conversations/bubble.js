// @ts-check
/** One message of a conversation. What strangers wrote is only ever text. */

import { byId, copyOf, one, setText, showOnly } from '../../shared/dom.js';
import { ROOT } from '../api.js';
import { showStatus } from '../messages/pill.js';
import { shortWhy } from '../messages/words.js';
import { messagePath } from '../paths.js';
import { kindOf, mediaOf, said } from '../said.js';
import { clockTime, exactTime, number, t } from '../texts.js';
import { senderOf } from './names.js';

const TEMPLATE = byId('bubble', HTMLTemplateElement);
/** Pictures that browsers show safely; a picture that can hold scripts is offered as a file. */
const PICTURES = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'];
const LONG = 1_500;
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\p{Regional_Indicator}|\s){1,12}$/u;
const DIGITS = /^[\d\s#*]+$/;
const BADLY = ['failed', 'expired', 'cancelled', 'unknown'];
const EDITABLE_MS = 20 * 60_000;

/** When a message stands in its conversation. */
export const timeOf = (/** @type {Api.Entry} */ message) => {
  if (message.direction === 'in') return new Date(message.timestamp);
  return new Date(message.sentAt ?? message.sendingAt ?? message.sendAt ?? message.queuedAt);
};

/** What is shown of one message. */
export class Bubble {
  element = copyOf(TEMPLATE);
  #seen = '';
  #whole = false;
  /** @type {Api.Entry | null} */
  message = null;

  constructor() {
    one(this.element, '[data-whole]').addEventListener('click', () => {
      this.#whole = true;
      this.#fold(this.message?.text ?? '');
    });
  }

  /**
   * @param {Api.Entry} message
   * @param {Api.Entry | null} answered The message that it replies to, where that is known.
   * @param {boolean} inGroup
   */
  show(message, answered, inGroup) {
    const seen = JSON.stringify([message, answered, inGroup]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.message = message;
    this.element.dataset.id = message.messageId;
    this.element.dataset.direction = message.direction;
    this.element.toggleAttribute('data-revoked', Boolean(message.revoked));
    this.#sender(message, inGroup);
    this.#quote(message, answered);
    this.#content(message);
    this.#foot(message);
    this.#reactions(message);
    this.#offers(message);
  }

  /**
   * @param {Api.Entry} message
   * @param {boolean} inGroup
   */
  #sender(message, inGroup) {
    const ours = message.direction === 'out';
    const name = ours ? '' : senderOf(message);
    const sender = this.#find('sender');
    sender.hidden = !inGroup || ours;
    setText(one(sender, 'bdi'), name);
    setText(this.#find('who'), ours ? t('conversations.you') : name);
  }

  /**
   * @param {Api.Entry} message
   * @param {Api.Entry | null} answered
   */
  #quote(message, answered) {
    const quote = this.#find('quote');
    quote.hidden = !message.replyTo || Boolean(message.revoked);
    setText(this.#find('quoted'), answered ? said(answered) : t('conversations.quoted_elsewhere'));
  }

  /** @param {Api.Entry} message */
  #content(message) {
    const media = message.revoked ? null : mediaOf(message);
    this.#picture(media);
    this.#file(message, media);
    const { text } = message;
    const shown = message.revoked || !text ? this.#word(message, media) : text;
    const place = this.#find('text');
    place.hidden = !shown;
    place.toggleAttribute('data-word', Boolean(message.revoked) || !text);
    place.toggleAttribute('data-emoji', Boolean(text) && ONLY_EMOJI.test(text ?? '') && !DIGITS.test(text ?? ''));
    if (text && !message.revoked) this.#fold(text);
    else {
      setText(place, shown);
      this.#find('whole').hidden = true;
    }
  }

  /**
   * What stands in the place of a text; nothing where a file says it all.
   * @param {Api.Entry} message
   * @param {Partial<Api.Media> | null} media
   */
  #word(message, media) {
    if (media && !message.revoked) return '';
    return said(message) || t('dashboard.said.unreadable');
  }

  /**
   * Show a long text in part until somebody wants all of it.
   * @param {string} text
   */
  #fold(text) {
    const folded = text.length > LONG && !this.#whole;
    setText(this.#find('text'), folded ? `${[...text.slice(0, LONG)].slice(0, -1).join('')}…` : text);
    this.#find('whole').hidden = !folded;
  }

  /** @param {Partial<Api.Media> | null} media */
  #picture(media) {
    const place = this.#find('picture-of');
    const shows = Boolean(media?.mediaId) && PICTURES.includes(media?.mimetype ?? '');
    place.hidden = !shows;
    if (!shows) {
      place.replaceChildren();
      return;
    }
    const address = mediaAddress(media?.mediaId ?? '');
    const known = place.querySelector('img');
    if (known?.src === address) return;
    const image = document.createElement('img');
    image.loading = 'lazy';
    image.alt = t('conversations.picture');
    image.src = address;
    const link = document.createElement('a');
    link.href = address;
    link.target = '_blank';
    link.rel = 'noopener';
    link.append(image);
    place.replaceChildren(link);
  }

  /**
   * @param {Api.Entry} message
   * @param {Partial<Api.Media> | null} media
   */
  #file(message, media) {
    const place = this.#find('file');
    const picture = !this.#find('picture-of').hidden;
    place.hidden = !media || picture;
    if (!media || picture) return;
    const kind = kindOf(message);
    const link = one(place, 'a', HTMLAnchorElement);
    link.hidden = !media.mediaId;
    if (media.mediaId) {
      link.href = mediaAddress(media.mediaId);
      link.download = media.filename ?? '';
    }
    setText(one(place, '[data-file-name]'), media.filename || t(`dashboard.said.${fileKind(kind)}`));
    setText(one(place, '[data-file-size]'), media.size ? sizeOf(media.size) : '');
    const state = media.mediaId ? 'stored' : media.state ?? 'pending';
    setText(one(place, '[data-file-state]'), state === 'stored' ? '' : t(`conversations.media.${state}`));
    const again = one(place, '[data-do=fetch]');
    again.hidden = message.direction !== 'in' || !['expired', 'failed'].includes(state);
  }

  /** @param {Api.Entry} message */
  #foot(message) {
    const at = timeOf(message);
    const time = one(this.element, '[data-time]', HTMLTimeElement);
    time.dateTime = at.toISOString();
    time.title = exactTime(at);
    setText(time, clockTime(at));
    this.#find('edited').hidden = !message.edited || Boolean(message.revoked);
    const pill = this.#find('pill');
    pill.hidden = message.direction === 'in';
    const why = this.#find('why');
    why.hidden = true;
    if (message.direction === 'in') return;
    showStatus(pill, message.status);
    const words = shortWhy(message);
    why.hidden = !words;
    setText(why, words);
    why.toggleAttribute('data-bad', BADLY.includes(message.status));
  }

  /** @param {Api.Entry} message */
  #reactions(message) {
    const place = this.#find('reactions');
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { emoji } of message.reactions ?? []) {
      if (emoji) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
    }
    place.hidden = counts.size === 0 || Boolean(message.revoked);
    place.replaceChildren(...[...counts].map(([emoji, n]) => {
      const item = document.createElement('li');
      item.textContent = n > 1 ? `${emoji} ${number(n)}` : emoji;
      return item;
    }));
  }

  /** @param {Api.Entry} message */
  #offers(message) {
    const ours = message.direction === 'out';
    const out = !ours || ['sent', 'delivered', 'read'].includes(message.status);
    const stands = out && !message.revoked;
    const fresh = Date.now() - timeOf(message).getTime() < EDITABLE_MS;
    /** @type {Record<string, boolean>} */
    const offered = {
      reply: stands && kindOf(message) !== 'ciphertext',
      react: stands && kindOf(message) !== 'ciphertext',
      edit: stands && ours && kindOf(message) === 'text' && fresh,
      revoke: stands && ours,
      detail: ours,
    };
    for (const [name, offers] of Object.entries(offered)) {
      one(this.element, `[data-offer=${name}]`).hidden = !offers;
    }
    one(this.element, '[data-menu]').hidden = !Object.values(offered).some(Boolean);
    const detail = one(this.element, '[data-offer=detail] a', HTMLAnchorElement);
    detail.href = `${ROOT}dashboard/messages?message=${encodeURIComponent(message.messageId)}`;
    setText(this.#find('menu-label'), t('conversations.act.label', { text: `\u2068${brief(said(message))}\u2069` }));
    showOnly(this.element, 'asks', null);
  }

  /** @param {string} name */
  #find(name) {
    return one(this.element, `[data-${name}]`);
  }
}

/** @param {string} id */
export const mediaAddress = (id) => `${ROOT}api/whatsapp/media/${encodeURIComponent(id)}`;

/**
 * Where a message is asked for, or something is done to it.
 * @param {Api.Entry} message
 */
export const pathOf = ({ messageId }) => messagePath(messageId);

/** @param {string} kind */
const fileKind = (kind) => (['image', 'video', 'audio', 'voice', 'document', 'sticker'].includes(kind) ? kind : 'document');

/** @param {string} text */
const brief = (text) => ([...text].length > 40 ? `${[...text].slice(0, 40).join('')}…` : text);

/** @param {number} bytes */
function sizeOf(bytes) {
  const units = /** @type {const} */ (['byte', 'kilobyte', 'megabyte']);
  const step = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1024)));
  const options = /** @type {const} */ ({ style: 'unit', unit: units[step], maximumFractionDigits: step === 2 ? 1 : 0 });
  return new Intl.NumberFormat(document.documentElement.lang, options).format(bytes / 1024 ** step);
}
