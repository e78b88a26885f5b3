// What is asked about chats, apart from sending: to mark them read, and who is in the groups.
function makeChats() {
  const READ_WITHIN_MS = 5000;
  const LOADED_WITHIN_MS = 3000;
  const MOST_GROUPS = 1000;
  const MOST_PARTICIPANTS = 20_000; // of all groups together, since the answer crosses to the worker

  // A number where WhatsApp knows it: members of groups have hidden ids (LIDs).
  function numberOf(wid) {
    const phone = wid.isLid() ? whatsApp.phoneOf(wid) : wid;
    return phone?.server === 'c.us' ? `+${phone.user}` : undefined;
  }

  const memberOf = ({id, isAdmin, isSuperAdmin}) => ({
    id: String(id),
    number: numberOf(id),
    admin: Boolean(isAdmin || isSuperAdmin),
  });

  function membersOf({groupMetadata}) {
    return groupMetadata?.participants?.getModelsArray() ?? [];
  }

  // Most groups are in the page's memory; the server is asked for the others, but not for long.
  async function loadMembers(chats) {
    const missing = chats.filter((chat) => membersOf(chat).length === 0);
    const loaded = missing.map((chat) => Promise.resolve(whatsApp.findGroup(chat.id)).catch(() => {}));
    await Promise.race([Promise.all(loaded), inPage.after(LOADED_WITHIN_MS)]);
  }

  return {
    // The unread messages that are left.
    markRead: async (chatId) => {
      line.check();
      const chat = await inPage.chatOf(chatId);
      await whatsApp.markRead(chat.id);
      await inPage.becomes(() => !(chat.unreadCount > 0), READ_WITHIN_MS);
      return Math.max(0, Number(chat.unreadCount ?? 0));
    },

    groups: async () => {
      const found = await whatsApp.listChats({onlyGroups: true, ignoreGroupMetadata: true});
      const chats = found.slice(0, MOST_GROUPS);
      await loadMembers(chats);
      let room = MOST_PARTICIPANTS;
      return chats.map((chat) => {
        const members = membersOf(chat);
        const shown = members.slice(0, Math.max(0, room));
        room -= shown.length;
        return {
          chatId: String(chat.id),
          subject: chat.groupMetadata?.subject ?? chat.name ?? null,
          size: members.length,
          participants: shown.map(memberOf),
        };
      });
    },
  };
}
