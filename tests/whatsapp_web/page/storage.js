/*
 * What the page keeps in the browser: keys in two databases, messages and chats in a third.
 */
'use strict';

defineModule('WAWebStorage', (exports) => {
  const STORES = {
    wawc_db_enc: { keys: [{ keyPath: 'id' }] },
    'signal-storage': { 'signal-meta-store': [{ keyPath: 'key' }] },
    'model-storage': {
      message: [{ keyPath: 'id' }, ['rowId', 'chatId']],
      chat: [{ keyPath: 'id' }],
      contact: [{ keyPath: 'id' }],
      reactions: [{ keyPath: ['parentMsgKey', 'senderUserJid'] }, ['parentMsgKey']],
      'poll-votes': [{ keyPath: ['parentMsgKey', 'sender'] }, ['parentMsgKey']],
    },
  };
  const VERSION = 2;
  const opened = new Map();

  const settled = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  function open(database) {
    if (!opened.has(database)) {
      const request = indexedDB.open(database, VERSION);
      request.onupgradeneeded = () => {
        for (const [store, [options, indexes = []]] of Object.entries(STORES[database])) {
          if (request.result.objectStoreNames.contains(store)) continue;
          const made = request.result.createObjectStore(store, options);
          for (const index of indexes) made.createIndex(index, index);
        }
      };
      const opening = settled(request).then((made) => {
        made.onversionchange = () => made.close(); // another tab wipes it
        return made;
      });
      opened.set(database, opening);
    }
    return opened.get(database);
  }

  async function run(database, store, mode, work) {
    const transaction = (await open(database)).transaction([store], mode, { durability: 'strict' });
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    done.catch(() => {});
    const result = await settled(work(transaction.objectStore(store)));
    if (mode === 'readwrite') await done;
    return result;
  }

  Object.assign(exports, {
    get: (database, store, key) => run(database, store, 'readonly', (kept) => kept.get(key)),
    all: (database, store) => run(database, store, 'readonly', (kept) => kept.getAll()),
    byIndex: (database, store, index, key) =>
      run(database, store, 'readonly', (kept) => kept.index(index).getAll(key)),
    put: (database, store, row) => run(database, store, 'readwrite', (kept) => kept.put(row)),
    replace: (database, store, key, row) =>
      run(database, store, 'readwrite', (kept) => {
        kept.delete(key);
        return kept.put(row);
      }),
    remove: (database, store, key) => run(database, store, 'readwrite', (kept) => kept.delete(key)),
    add: (database, store, row) => run(database, store, 'readwrite', (kept) => kept.add(row)),
    /** Change a row that is there, in one transaction: two changes at once are both kept. */
    update: (database, store, key, change) =>
      run(database, store, 'readwrite', (kept) => {
        const reading = kept.get(key);
        reading.addEventListener('success', () => {
          if (reading.result) kept.put({ ...reading.result, ...change(reading.result) });
        });
        return reading;
      }),
    /** Delete all databases. */
    async destroy() {
      for (const database of opened.values()) (await database).close();
      opened.clear();
      const names = Object.keys(STORES);
      await Promise.all(names.map((name) => settled(indexedDB.deleteDatabase(name))));
    },
  });
});
