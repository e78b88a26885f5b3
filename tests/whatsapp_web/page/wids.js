/*
 * Ids of accounts, groups and messages.
 */
'use strict';

defineDefault('WAWebWid', (exports) => {
  class Wid {
    constructor(serialized) {
      const [left, server] = serialized.split('@');
      const [user, device] = left.split(':');
      this.server = server;
      this.user = user;
      if (device) this.device = Number(device);
      this._serialized = serialized;
    }

    toString() {
      return this._serialized;
    }

    toJSON() {
      return this._serialized;
    }

    toJid() {
      return this._serialized.replace('@c.us', '@s.whatsapp.net');
    }

    toLogString() {
      return this._serialized;
    }

    equals(other) {
      return String(other?._serialized ?? other) === this._serialized;
    }

    isSameAccount(other) {
      return this.user === other.user && this.server === other.server;
    }

    isUser() {
      return this.server === 'c.us' || this.server === 'lid';
    }

    isRegularUser() {
      return this.isUser();
    }

    isUserNotPSA() {
      return this.isUser();
    }

    isLid() {
      return this.server === 'lid';
    }

    isGroup() {
      return this.server === 'g.us';
    }

    isBroadcast() {
      return this.server === 'broadcast';
    }

    isStatus() {
      return this._serialized === 'status@broadcast';
    }

    isStatusV3() {
      return this.isStatus();
    }

    isNewsletter() {
      return this.server === 'newsletter';
    }

    isBot() {
      return this.server === 'bot';
    }

    isPSA() {
      return this._serialized === '0@c.us';
    }

    isIAS() {
      return false;
    }

    isServer() {
      return this._serialized === 'server@c.us';
    }

    isCompanion() {
      return this.device !== undefined;
    }

    getDeviceId() {
      return this.device ?? 0;
    }

    static isXWid(server, wid) {
      return String(wid?._serialized ?? wid).endsWith(`@${server}`);
    }

    static isWid(wid) {
      return /^[^@\s]+@(c\.us|lid|g\.us|broadcast|newsletter|bot)$/.test(String(wid?._serialized ?? wid));
    }

    static isUser(wid) {
      return Wid.isXWid('c.us', wid) || Wid.isXWid('lid', wid);
    }

    static isLid(wid) {
      return Wid.isXWid('lid', wid);
    }

    static isGroup(wid) {
      return Wid.isXWid('g.us', wid);
    }

    static isStatus(wid) {
      return String(wid?._serialized ?? wid) === 'status@broadcast';
    }

    static equals(one, other) {
      return String(one) === String(other);
    }
  }
  exports.default = Wid;
});

defineModule('WAWebWidFactory', (exports, require) => {
  const Wid = require('WAWebWid');

  function createWid(value) {
    if (value instanceof Wid) return value;
    const text = String(value?._serialized ?? value).replace('@s.whatsapp.net', '@c.us');
    if (!Wid.isWid(text)) throw new Error(`wid error: invalid wid "${text}"`);
    return new Wid(text);
  }

  function createUserWid(user, server = 'c.us') {
    return createWid(user.includes('@') ? user : `${user}@${server}`);
  }

  function toUserWid(wid) {
    return wid.isCompanion() ? new Wid(`${wid.user}@${wid.server}`) : wid;
  }

  Object.assign(exports, {
    createWid,
    createUserWid,
    createUserWidOrThrow: createUserWid,
    createDeviceWid: (value) => new Wid(value),
    createWidFromWidLike: createWid,
    isWidlike: (value) =>
      value instanceof Wid ||
      (typeof value === 'object' && typeof value?._serialized === 'string' && Wid.isWid(value._serialized)),
    toUserWid,
    toUserWidOrThrow: toUserWid,
    asUserWidOrThrow: toUserWid,
    asChatWid: (wid) => wid,
    asUserLidOrThrow: (wid) => wid,
    toChatWid: (wid) => wid,
    toGroupWid: (wid) => wid,
    userJidToUserWid: createWid,
  });
});

defineDefault('WAWebMsgKey', (exports, require) => {
  const { createWid } = require('WAWebWidFactory');

  class MsgKey {
    constructor(values) {
      if (values == null) throw new Error('MsgKey error: obj is null/undefined');
      const out = values.selfDir ? values.selfDir === 'out' : values.fromMe;
      const remote = values.selfDir ? (out ? values.to : values.from) : values.remote;
      this.fromMe = Boolean(out);
      this.remote = createWid(remote);
      this.id = values.id;
      if (values.participant) this.participant = createWid(values.participant);
      const parts = [this.fromMe, this.remote, this.id, this.participant].filter(
        (part) => part !== undefined,
      );
      this._serialized = parts.join('_');
    }

    toString() {
      return this._serialized;
    }

    clone() {
      return new MsgKey(this);
    }

    equals(other) {
      return String(other) === this._serialized;
    }

    static fromString(text) {
      const [out, remote, id, participant] = String(text).split('_');
      if (!id || !['true', 'false'].includes(out)) throw new Error(`MsgKey error: not a key: ${text}`);
      return new MsgKey({ fromMe: out === 'true', remote, id, participant });
    }

    static async newId() {
      const bytes = crypto.getRandomValues(new Uint8Array(9));
      return `3EB0${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
        .join('')
        .toUpperCase()}`;
    }
  }
  exports.default = MsgKey;
});
