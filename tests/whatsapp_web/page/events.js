/*
 * Events, models and collections: the small framework that all of WhatsApp Web's state lives in.
 * A model tells "change:name" (model, value, former value); a collection repeats what its models tell.
 */
'use strict';

__d('WAWebEventEmitter', [], (global, require, importDefault, importNamespace, lazy, module, exports) => {
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
}, 98);

__d('WAWebBaseModel', ['WAWebEventEmitter'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
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

__d('WAWebBaseCollection', ['WAWebEventEmitter', 'WAWebBaseModel'], (global, require, importDefault, importNamespace, lazy, module, exports) => {
  const EventEmitter = require('WAWebEventEmitter');
  const { BaseModel } = require('WAWebBaseModel');
  const keyOf = (id) => (typeof id === 'string' ? id : String(id?._serialized ?? id));

  class BaseCollection extends EventEmitter {
    constructor() {
      super();
      Object.defineProperty(this, '__listeners', { value: new Map(), writable: true });
      this._models = [];
      this._index = {};
    }

    get modelClass() {
      if (!this.constructor.model) throw new Error('Collection initialized without model');
      return this.constructor.model;
    }

    get length() {
      return this._models.length;
    }

    get(id) {
      return id == null ? undefined : this._index[keyOf(id instanceof BaseModel ? id.id : id)];
    }

    assertGet(id) {
      const model = this.get(id);
      if (!model) throw new Error(`not in the collection: ${keyOf(id)}`);
      return model;
    }

    add(values, options = {}) {
      const list = Array.isArray(values) ? values : [values];
      const models = list.map((value) => this.__addOne(value, options));
      return Array.isArray(values) ? models : models[0];
    }

    remove(values) {
      const list = Array.isArray(values) ? values : [values];
      return list.map((value) => this.get(value instanceof BaseModel ? value.id : value)).filter(Boolean).map((model) => {
        this._models = this._models.filter((other) => other !== model);
        delete this._index[keyOf(model.id)];
        this.trigger('remove', model, this);
        return model;
      });
    }

    reset() {
      this._models = [];
      this._index = {};
      this.trigger('reset', this);
    }

    async find(id) {
      return this.get(id) ?? this.add({ id: this.toId(id) });
    }

    toId(id) {
      return typeof id === 'string' ? require('WAWebWidFactory').createWid(id) : id;
    }

    getModelsArray() {
      return [...this._models];
    }

    toArray() {
      return this.getModelsArray();
    }

    serialize() {
      return this._models.map((model) => model.serialize());
    }

    toJSON() {
      return this.serialize();
    }

    where(ids) {
      return ids.map((id) => this.get(id)).filter(Boolean);
    }

    head() {
      return this._models[0];
    }

    last() {
      return this._models.at(-1);
    }

    at(position) {
      return this._models.at(position);
    }

    findFirst(test) {
      return this._models.find(test);
    }

    includes(model) {
      return this._models.includes(model);
    }

    sort() {
      this.trigger('sort', this);
      return this;
    }

    __addOne(value, { merge = true } = {}) {
      const present = this.get(value.id);
      if (present) {
        if (merge && present !== value) present.set(value instanceof BaseModel ? value.attributes : value);
        return present;
      }
      const model = value instanceof BaseModel ? value : new this.modelClass(value);
      model.collection = this;
      this._models.push(model);
      this._index[keyOf(model.id)] = model;
      model.on('all', (event, ...values) => this._index[keyOf(model.id)] === model && this.trigger(event, ...values));
      this.trigger('add', model, this);
      return model;
    }
  }
  for (const name of ['map', 'filter', 'forEach', 'some', 'every', 'reduce', 'slice', 'indexOf']) {
    BaseCollection.prototype[name] = function (...values) {
      return this._models[name](...values);
    };
  }
  exports.default = BaseCollection;
  exports.BaseCollection = BaseCollection;
});
