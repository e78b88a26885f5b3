"""One person is one chat: what was kept under a LID moves to the number once that is known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sessions.conversations.model import COLLECTION, ReceivedMessage
from sessions.recipients.address import account_of

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_LID = "@lid"
_REMEMBERED = 10_000


def conversation_of(chat_id: str, number: str | None) -> str:
    """Return the chat in which a message is shown: the person's number, or WhatsApp's chat."""
    if number is None or not chat_id.endswith(_LID):
        return chat_id
    return account_of(number)


class JoinedChats:
    """Move messages from the chats of LIDs to those of numbers, once for each LID."""

    def __init__(self, database: Database) -> None:
        self._collections: tuple[Collection, ...] = (database[COLLECTION], database["messages"])
        self._joined: set[tuple[str, str, str]] = set()

    async def join(self, connection: str, messages: Iterable[ReceivedMessage]) -> None:
        """Move the chats whose numbers these messages tell."""
        told = {(connection, each.chat_id, each.conversation) for each in messages}
        for pair in sorted(told - self._joined):
            _, lid, conversation = pair
            if not lid.endswith(_LID) or lid == conversation:
                continue
            for collection in self._collections:
                kept = {"connection": connection, "conversation": lid}
                await collection.update_many(kept, {"$set": {"conversation": conversation}})
            self._remember(pair)

    def _remember(self, pair: tuple[str, str, str]) -> None:
        if len(self._joined) >= _REMEMBERED:
            self._joined.clear()
        self._joined.add(pair)
