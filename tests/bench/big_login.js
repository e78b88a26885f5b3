// Write rows like WhatsApp Web's messages into IndexedDB until there are about so many megabytes.
async (megabytes) => {
  const ROWS = 500;
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const opening = indexedDB.open('model-storage', 1);
  opening.onupgradeneeded = () => {
    const store = opening.result.createObjectStore('message', {keyPath: 'id'});
    store.createIndex('chat', 'chat');
    store.createIndex('t', 't');
  };
  const database = await settled(opening);
  const words = ('the message was sent to you and we have it at home for our new order please call me back when '
    + 'ready thank תודה בוקר טוב מחר אפשר לקבל הזמנה שלום').split(' ');
  const any = (count) => Math.floor(Math.random() * count);
  const bytes = (size) => crypto.getRandomValues(new Uint8Array(size));
  const hex = (size) => [...bytes(size)].map((each) => each.toString(16).padStart(2, '0')).join('').toUpperCase();

  const row = (n) => {
    const chat = `9725${any(10000)}@c.us`;
    return {
      id: `true_${chat}_3EB0${hex(9)}`,
      chat,
      t: 1700000000 + n,
      type: 'chat',
      ack: 3,
      from: '972501234567:12@c.us',
      body: Array.from({length: 5 + any(25)}, () => words[any(words.length)]).join(' '),
      mediaKey: bytes(32),
      thumbnail: n % 10 ? null : bytes(3000),
    };
  };

  let rows = 0;
  for (let size = 0; size < megabytes * 1e6; size += ROWS * 930) {
    const transaction = database.transaction('message', 'readwrite', {durability: 'relaxed'});
    for (let n = 0; n < ROWS; n++) transaction.objectStore('message').put(row(rows++));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  }
  localStorage.setItem('WANoiseInfo', hex(100));
}
