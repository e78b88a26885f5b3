/*
 * The witness: whatsapp-web.js as npm ships it, told where WhatsApp Web is and nothing else.
 * Prints what the client tells, one JSON line each; does what comes in, one JSON line each.
 */
'use strict';

const [url, executablePath, dataPath] = process.argv.slice(2);
require('whatsapp-web.js/src/util/Constants').WhatsWebURL = url;
const { Client, LocalAuth, MessageMedia } = require('whatsapp-web.js');
const readline = require('node:readline');

const tell = (event, value = null) => process.stdout.write(`${JSON.stringify({ event, value })}\n`);
const client = new Client({
  authStrategy: new LocalAuth({ dataPath }),
  puppeteer: { headless: 'shell', executablePath, args: ['--no-sandbox'] },
  webVersionCache: { type: 'none' },
});

const deeds = {
  send: async ({ to, text }) => (await client.sendMessage(to, text)).id._serialized,
  sendFile: async ({ to, mimetype, data, name }) =>
    (await client.sendMessage(to, new MessageMedia(mimetype, data, name), { caption: name })).id._serialized,
  reply: async ({ to, text, quoted }) =>
    (await client.sendMessage(to, text, { quotedMessageId: quoted })).id._serialized,
  numberId: async ({ number }) => (await client.getNumberId(number))?._serialized ?? null,
  pairingCode: ({ number }) => client.requestPairingCode(number, false),
  state: () => client.getState(),
  chats: async () => (await client.getChats()).map((chat) => ({ id: chat.id._serialized, name: chat.name, unread: chat.unreadCount })),
  react: async ({ id, sign }) => (await client.getMessageById(id)).react(sign),
  edit: async ({ id, text }) => (await (await client.getMessageById(id)).edit(text)).body,
  revoke: async ({ id }) => (await client.getMessageById(id)).delete(true),
  download: async ({ id }) => {
    const { mimetype, data, filename } = await (await client.getMessageById(id)).downloadMedia();
    return { mimetype, data, filename };
  },
  logout: () => client.logout(),
  destroy: () => client.destroy(),
};

client.on('qr', (code) => tell('qr', code));
client.on('code', (code) => tell('code', code));
client.on('authenticated', () => tell('authenticated'));
client.on('ready', () => tell('ready', client.info.wid._serialized));
client.on('message', (message) => tell('message', { id: message.id._serialized, from: message.from, body: message.body }));
client.on('message', ({ type, body, location, vCards, pollName, pollOptions, id, _data }) =>
  tell('content', {
    id: id.id,
    type,
    body,
    quoted: _data.quotedStanzaID ?? null,
    place: location ? [Number(location.latitude), Number(location.longitude), location.description] : null,
    cards: vCards ?? [],
    poll: pollName ? [pollName, ...pollOptions.map(({ name }) => name)] : null,
  }),
);
client.on('message_ack', (message, ack) => tell('message_ack', { id: message.id._serialized, ack }));
client.on('message_reaction', ({ msgId, reaction, senderId }) =>
  tell('reaction', { of: msgId._serialized, sign: reaction, from: senderId }),
);
client.on('message_edit', (message, text) => tell('edit', { id: message.id._serialized, text }));
client.on('message_revoke_everyone', (message) => tell('revoked', message.protocolMessageKey._serialized));
client.on('vote_update', (vote) =>
  tell('vote', { from: vote.voter, options: vote.selectedOptions.map(({ name }) => name) }),
);
client.on('disconnected', (reason) => tell('disconnected', reason));
client.on('change_state', (state) => tell('change_state', state));
process.on('unhandledRejection', (error) => tell('unhandled', String(error?.stack ?? error)));

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { deed, ...request } = JSON.parse(line);
  try {
    tell(`did:${deed}`, await deeds[deed](request));
  } catch (error) {
    tell('failed', `${deed}: ${error?.stack ?? error}`);
  }
});
client.initialize().catch((error) => tell('failed', `initialize: ${error?.stack ?? error}`));
