// Finds chats and messages in the page, and waits for what happens to them.
const inPage = (() => {
  const LOOK_EVERY_MS = 100;
  const NOT_THERE = ['msg_not_found', 'chat_not_found'];

  const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  // An error with a code that the worker knows (`refusals.py`), or shows as the message's reason.
  const refusal = (code, text) => Object.assign(new Error(text ?? code), {code});

  // Returns whether something becomes true within a time.
  async function becomes(check, withinMs) {
    const end = performance.now() + withinMs;
    while (!(await check())) {
      if (performance.now() >= end) return false;
      await after(LOOK_EVERY_MS);
    }
    return true;
  }

  async function chatOf(id) {
    const chat = await whatsApp.findChat(id);
    if (!chat) throw refusal('chat_not_found', `no chat for ${id}`);
    return chat;
  }

  // The chat must be loaded, or its messages are not found. If a chat has moved to a LID, the keys of
  // its messages contain the LID.
  async function find(key, chatId) {
    const chat = await chatOf(chatId);
    const moved = key.replace(/^(true|false)_[^_]+_/, `$1_${chat.id}_`);
    for (const each of new Set([key, moved])) {
      try {
        return await whatsApp.storedMessage(each);
      } catch (error) {
        if (!NOT_THERE.includes(error?.code)) throw error;
      }
    }
    return null;
  }

  // A key reads `true_<chat>_<id>`, or `false_…` for a message of somebody else.
  const chatIn = (key) => key.split('_')[1];
  const bareId = (key) => key.split('_')[2] ?? key;
  const isOurs = (key) => String(key).startsWith('true_');

  return {after, refusal, becomes, chatOf, find, chatIn, bareId, isOurs};
})();
