/*
 * Models: a model tells "change:name" (model, value, former value) for every attribute that changes.
 */
'use strict';

defineModule('WAWebBaseModel', (exports, require) => {
  const EventEmitter = require('WAWebEventEmitter');

  class BaseModel extends EventEmitter {
    constructor(attributes = {}) {
      super();
      const hidden = (name, value) => Object.defineProperty(this, name, { value, writable: true });
      hidden('__listeners', new Map());
      hidden('attributes', {});
      hidden('collection', undefined);
      this.set({ ...this.constructor.defaults?.(), ...attributes }, { silent: true });
      this.initialize();
    }

    initialize() {}

    get(name) {
      return this.attributes[name];
    }

    set(names, valueOrOptions, options) {
      if (typeof names === 'string') return this.set({ [names]: valueOrOptions }, options);
      const changes = [];
      for (const [name, value] of Object.entries(names)) {
        this.constructor.declare(name);
        const former = this.attributes[name];
        if (former === value) continue;
        this.attributes[name] = value;
        this.__follow(name, value);
        changes.push([name, value, former]);
      }
      if (!valueOrOptions?.silent && changes.length) this.__tell(changes);
      return this;
    }

    unset(name) {
      return this.set({ [name]: undefined });
    }

    toJSON() {
      return this.serialize();
    }

    serialize() {
      const plain = {};
      for (const [name, value] of Object.entries(this.attributes)) {
        plain[name] = typeof value?.serialize === 'function' ? value.serialize() : value;
      }
      return plain;
    }

    unsafe() {
      return this;
    }

    safe() {
      return this;
    }

    __tell(changes) {
      for (const [name, value, former] of changes) this.trigger(`change:${name}`, this, value, former);
      this.trigger('change', this);
    }

    __follow(name, value) {
      if (!(value instanceof BaseModel)) return;
      this.listenTo(value, 'all', (event, ...values) => {
        if (event.startsWith('change:') && this.attributes[name] === value) {
          this.trigger(`change:${name}.${event.slice(7)}`, ...values);
        }
      });
    }

    static declare(name) {
      if (name in this.prototype) return;
      Object.defineProperty(this.prototype, name, {
        configurable: true,
        get() {
          return this.attributes?.[name];
        },
        set(value) {
          this.set({ [name]: value });
        },
      });
    }
  }

  exports.BaseModel = BaseModel;
  exports.defineModel = (model) => model;
});
