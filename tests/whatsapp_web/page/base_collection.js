/*
 * Collections: models by id, in order; a collection repeats what its models tell.
 */
'use strict';

defineModule('WAWebBaseCollection', (exports, require) => {
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
      return list
        .map((value) => this.get(value instanceof BaseModel ? value.id : value))
        .filter(Boolean)
        .map((model) => {
          this._models = this._models.filter((other) => other !== model);
          delete this._index[keyOf(model.id)];
          this.trigger('remove', model, this);
          return model;
        });
    }

    /** Let a model go on under another id. */
    replaceId(former, id) {
      const model = this.get(former);
      if (!model) return;
      delete this._index[keyOf(former)];
      this._index[keyOf(id)] = model;
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
      model.on(
        'all',
        (event, ...values) => this._index[keyOf(model.id)] === model && this.trigger(event, ...values),
      );
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
