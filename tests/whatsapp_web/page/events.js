/*
 * Events: the way in which all parts of WhatsApp Web tell each other what happened.
 */
'use strict';

defineDefault('WAWebEventEmitter', (exports) => {
  class EventEmitter {
    on(names, callback, context) {
      if (typeof callback !== 'function') throw new TypeError('Callback parameter passed is not a function');
      this.__listeners ??= new Map();
      for (const name of names.split(/\s+/)) {
        const list = this.__listeners.get(name) ?? [];
        this.__listeners.set(name, [...list, { callback, context: context ?? this }]);
      }
      return this;
    }

    off(names, callback) {
      if (!names) this.__listeners = new Map();
      for (const name of names ? names.split(/\s+/) : []) {
        const list = this.__listeners?.get(name) ?? [];
        const kept = list.filter((one) => callback && one.callback !== callback && one.original !== callback);
        this.__listeners?.set(name, kept);
      }
      return this;
    }

    once(names, callback, context) {
      for (const name of names.split(/\s+/)) {
        const only = (...values) => {
          this.off(name, only);
          callback.apply(context ?? this, values);
        };
        this.on(name, only, context);
        this.__listeners.get(name).at(-1).original = callback;
      }
      return this;
    }

    listenTo(other, names, callback) {
      other.on(names, callback, this);
      return this;
    }

    trigger(name, ...values) {
      for (const one of this.__listeners?.get(name) ?? []) one.callback.apply(one.context, values);
      for (const one of this.__listeners?.get('all') ?? []) one.callback.call(one.context, name, ...values);
      return this;
    }

    removeAllListeners() {
      return this.off();
    }
  }
  Object.defineProperty(EventEmitter.prototype, '__listeners', { value: undefined, writable: true });
  exports.default = EventEmitter;
});
