/*
 * The module system of WhatsApp Web: __d() defines, require() and its two sisters fetch.
 * Clients look modules up by name here, so the names below are the ones the real page has.
 */
'use strict';
(() => {
  const DEFAULT_IS_MODULE = 32; // of the flags 98: require() gives exports.default itself
  const modulesMap = {};
  const without = new Set(document.currentScript.dataset.without.split(' ')); // the fault moduleMissing

  function fetchModule(name) {
    const entry = modulesMap[name];
    if (!entry) throw new Error(`Requiring unknown module "${name}"`);
    if (!entry.started) {
      entry.started = true;
      const module = { exports: entry.exports };
      const { importDefault, importNamespace } = window;
      const lazy = (names, done) => done(...names.map(window.require));
      entry.factory(window, window.require, importDefault, importNamespace, lazy, module, entry.exports);
    }
    return entry;
  }

  function requireModule(name) {
    if (name === '__debug') return { modulesMap };
    if (name === 'Bootloader') return { loadModules: (names, done) => done() };
    const { exports, flags } = fetchModule(name);
    return flags & DEFAULT_IS_MODULE ? exports.default : exports;
  }

  window.ErrorGuard = { skipGuardGlobal() {} };
  window.importNamespace = (name) =>
    name === 'Bootloader' ? requireModule(name) : fetchModule(name).exports;
  window.importDefault = (name) => {
    const { exports } = fetchModule(name);
    return 'default' in exports ? exports.default : exports;
  };
  window.require = requireModule;
  window.__d = (name, dependencies, factory, flags = 66) => {
    if (without.has(name)) return;
    modulesMap[name] = { id: name, dependencies, factory, flags, exports: {}, started: false };
  };
})();

/* How the modules of this page are written: only with what their factories need. */
const defineModule = (name, factory, flags) => {
  const whole = (...values) => factory(values[6], values[1], values[3]);
  window.__d(name, [], whole, flags);
};

/* A module that is its default export. */
const defineDefault = (name, factory) => defineModule(name, factory, 98);
