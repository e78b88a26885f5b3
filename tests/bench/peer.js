/*
 * The peer: whatsapp-web.js with its RemoteAuth and wwebjs-mongo, as npm ships them. One process holds
 * all sessions. Takes one JSON line for each deed, {n, deed, ...}, and answers {n, value | error};
 * tells what its clients say as {event, session, value}.
 */
'use strict';

const { createRequire } = require('node:module');
const fs = require('node:fs/promises');
const path = require('node:path');
const readline = require('node:readline');
const { setTimeout } = require('node:timers/promises');

const [url, mongo, puppeteer] = process.argv.slice(2);
const need = createRequire(path.resolve(__dirname, '../acceptance/package.json'));
need('whatsapp-web.js/src/util/Constants').WhatsWebURL = url;
const { Client, RemoteAuth } = need('whatsapp-web.js');
const { MongoStore } = need('wwebjs-mongo');
const mongoose = need('mongoose');

// RemoteAuth writes its archive into its data folder, wwebjs-mongo reads it from the working one.
const dataPath = process.cwd();
const BACKUP_EVERY_MS = 300000; // as both READMEs have it
const CLOSED_WITHIN_MS = 5000;
const sessions = new Map();

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const store = mongoose.connect(mongo).then(() => new MongoStore({ mongoose }));
const auth = async (session) =>
  new RemoteAuth({ clientId: session, dataPath, store: await store, backupSyncIntervalMs: BACKUP_EVERY_MS });

// Begins all, a few at a time: `initialize` ends when the client has taken hold of the page.
function start({ sessions: names, atOnce }) {
  const waiting = names.values();
  const slot = async () => {
    for (const session of waiting) await begin(session);
  };
  for (let n = 0; n < atOnce; n++) slot();
}

async function begin(session) {
  const client = new Client({
    authStrategy: await auth(session),
    puppeteer: JSON.parse(puppeteer),
    webVersionCache: { type: 'none' },
  });
  sessions.set(session, client);
  for (const event of ['qr', 'authenticated', 'ready', 'remote_session_saved', 'auth_failure', 'disconnected']) {
    client.on(event, (value) => say({ event, session, value: typeof value === 'string' ? value : null }));
  }
  await client.initialize().catch((error) => say({ event: 'failed', session, value: String(error?.stack ?? error) }));
}

// Starts sessions again that hang, one after the other, from an empty folder.
async function again({ sessions: names }) {
  for (const session of names) {
    const client = sessions.get(session);
    client.pupBrowser?.process()?.kill('SIGKILL');
    await Promise.race([client.destroy().catch(() => {}), setTimeout(CLOSED_WITHIN_MS)]);
    await fs.rm(path.join(dataPath, `RemoteAuth-${session}`), { recursive: true, force: true, maxRetries: 10 });
    await begin(session);
  }
}

async function send({ session, messages, pauseMs }) {
  for (const { to, text } of messages) {
    await sessions.get(session).sendMessage(to, text);
    if (pauseMs) await setTimeout(pauseMs);
  }
}

async function destroy() {
  await Promise.all([...sessions.values()].map((client) => client.destroy()));
}

// The strategy alone, without a browser: its folder is filled before it is asked to save.
async function prepare({ session }) {
  const strategy = await auth(session);
  strategy.setup({ options: { puppeteer: {} }, emit: () => {} });
  await strategy.beforeBrowserInitialized();
  sessions.set(session, strategy);
  return strategy.userDataDir;
}

const save = ({ session }) => sessions.get(session).storeRemoteSession();

const deeds = { start, again, send, destroy, prepare, save };

process.on('unhandledRejection', (error) => say({ event: 'unhandled', value: String(error?.stack ?? error) }));
readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { n, deed, ...request } = JSON.parse(line);
  try {
    say({ n, value: (await deeds[deed](request)) ?? null });
  } catch (error) {
    say({ n, error: String(error?.stack ?? error) });
  }
});
