/*
 * What a person sees: the QR code on a canvas, the chat list, the open conversation, the dialogs.
 */
'use strict';

defineModule('WAWebView', (exports, require) => {
  const { Socket } = require('WAWebSocketModel');
  const { Stream } = require('WAWebStreamModel');
  const { Conn } = require('WAWebConnModel');
  const { Msg, Chat } = require('WAWebCollections');
  const { transport } = require('WAWebTransport');
  const events = require('WAWebEvents');
  const TICKS = { '-1': '!', 0: '🕓', 1: '✓', 2: '✓✓', 3: '✓✓', 4: '✓✓' };
  const SHOWN = 30; // chats, and messages of the open chat
  const find = (id) => document.getElementById(id);
  let planned = false;

  function element(tag, className, text) {
    const made = document.createElement(tag);
    made.className = className;
    made.dir = 'auto';
    if (text !== undefined) made.textContent = text;
    return made;
  }

  async function qrText(ref) {
    const { encodeB64 } = require('WABase64');
    const { identityPublic, noisePublic } = require('WAWebCredentials').getRegistration();
    const secret = await require('WAWebAdvSignatureApi').getADVSecretKey();
    const { DEVICE_PLATFORM } = require('WAWebCompanionRegClientUtils');
    const parts = [ref, encodeB64(noisePublic), encodeB64(identityPublic), secret, DEVICE_PLATFORM];
    if (require('WAWebNativeCameraQRLinkedDeviceUtils').isNativeCameraQRLinkedDeviceTest())
      return `https://wa.me/settings/linked_devices#${parts.join(',')}`;
    if (require('justknobx')._('770')) parts.push('https://faq.whatsapp.com/r/ld');
    return parts.join(',');
  }

  async function drawQr() {
    if (!Conn.ref || Socket.state !== 'UNPAIRED') return;
    const text = await qrText(Conn.ref);
    const rows = await transport.request('qr', { text });
    const canvas = find('qr');
    const scale = Math.floor(264 / rows.length);
    canvas.width = canvas.height = rows.length * scale;
    canvas.parentElement.setAttribute('data-ref', text);
    const context = canvas.getContext('2d');
    rows.forEach((row, y) =>
      [...row].forEach((dark, x) => {
        context.fillStyle = dark === '1' ? '#111b21' : '#ffffff';
        context.fillRect(x * scale, y * scale, scale, scale);
      }),
    );
  }

  function chatRow(chat) {
    const row = element('button', 'chat');
    row.append(
      element('span', 'chat-title', chat.formattedTitle),
      element('span', 'chat-preview', chat.msgs.last()?.body ?? ''),
    );
    if (chat.unreadCount > 0) row.append(element('span', 'unread', chat.unreadCount));
    row.setAttribute('aria-selected', chat.active);
    row.onclick = () => Chat.activate(chat);
    return row;
  }

  function bubble(msg) {
    const made = element('div', `bubble ${msg.id.fromMe ? 'out' : 'in'}`);
    if (msg.quotedMsg) made.append(element('blockquote', 'quoted', msg.quotedMsg.body ?? msg.quotedMsg.type));
    if (msg.directPath) made.append(element('div', 'attachment', `📎 ${msg.filename ?? msg.type}`));
    made.append(element('span', 'text', msg.body ?? msg.caption ?? ''));
    if (msg.id.fromMe)
      made.append(element('span', msg.ack >= 3 ? 'ticks read' : 'ticks', TICKS[msg.ack] ?? ''));
    return made;
  }

  function draw() {
    planned = false;
    document.body.dataset.mode = Stream.mode ?? 'LOADING';
    find('linking').hidden = Stream.mode !== 'QR';
    find('reload-qr').hidden = Socket.state !== 'UNPAIRED_IDLE';
    find('splash').hidden = ['MAIN', 'QR'].includes(Stream.mode);
    find('main').hidden = Stream.mode !== 'MAIN';
    find('offline').hidden = Stream.info !== 'OFFLINE';
    find('update').hidden = !Stream.needsUpdate;
    const chats = Chat.getModelsArray().sort((one, other) => (other.t ?? 0) - (one.t ?? 0));
    find('chats').replaceChildren(...chats.slice(0, SHOWN).map(chatRow));
    const open = chats.find((chat) => chat.active) ?? chats[0];
    find('title').textContent = open?.formattedTitle ?? '';
    find('messages').replaceChildren(...(open?.msgs.slice(-SHOWN).map(bubble) ?? []));
  }

  function drawSoon() {
    if (planned) return;
    planned = true;
    setTimeout(draw, 50);
  }

  function showDialog({ name, open }) {
    find(name).hidden = !open;
  }

  function showTypedCode(code) {
    find('typed-code').textContent = `${code.slice(0, 4)}-${code.slice(4)}`;
  }

  exports.begin = () => {
    for (const model of [Socket, Stream, Msg, Chat]) model.on('all', drawSoon);
    const drawn = () => drawQr().catch(() => {});
    Conn.on('change:ref', drawn);
    Socket.on('change:state', drawn);
    require('WAWebUserPrefsMultiDevice').advSecretEventEmitter.on('change', drawn);
    events.on('dialog', showDialog);
    events.on('typed-code', showTypedCode);
    events.on('chatstate', ({ type }) => find('chatstate').replaceChildren(type === 'paused' ? '' : type));
    find('reload-qr').onclick = () => require('WAWebBackendEventBus').BackendEventBus.triggerRefreshQR();
    find('cancel-passkey').onclick = () => {
      showDialog({ name: 'passkey', open: false });
      require('WAWebShortcakeLinkingApi').cancel();
      require('WAWebLinkDeviceAction').resetLinkDeviceState({ linkDeviceMethod: 'QR_CODE' });
    };
    require('WAWebDeferredModules').whenLoaded(() =>
      require('WAWebCmd').Cmd.on('account_temporarily_banned_from_bridge', ({ banned, expire }) => {
        showDialog({ name: 'banned', open: banned });
        find('ban-left').textContent = expire;
      }),
    );
    find('close-whats-new').onclick = () => showDialog({ name: 'whats-new', open: false });
    draw();
  };
});
