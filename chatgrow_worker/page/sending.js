// How each kind of content is sent with wa-js. A kind has the name that the worker gives it (`Kind` in
// sessions/messages/content.py). `options` are wa-js's options for every send; the promise resolves as
// wa-js's own, once WhatsApp has answered.
const sendContent = (() => {
  const ONE = 1;
  const ANY_NUMBER = 0;

  const KINDS = {
    text: ({text}, chatId, options) => whatsApp.sendText(chatId, text, options),

    location: ({latitude, longitude, name}, chatId, options) =>
      whatsApp.sendLocation(chatId, {lat: latitude, lng: longitude, name, ...options}),

    contact: ({name, phone}, chatId, options) =>
      whatsApp.sendContact(chatId, {id: `${phone.slice(1)}@c.us`, name}, options),

    // wa-js resolves when the poll is acknowledged; some polls never are.
    poll: ({question, options: choices, multiple}, chatId, options) => {
      const selectableCount = multiple ? ANY_NUMBER : ONE;
      return whatsApp.sendPoll(chatId, question, choices, {selectableCount, ...options});
    },
  };

  return async (content, chatId, options) => {
    const send = KINDS[content.kind];
    if (!send) throw Object.assign(new Error(`kind ${content.kind}`), {code: 'unknown_kind'});
    return send(content, chatId, options);
  };
})();
