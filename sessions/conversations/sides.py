"""The two sides of conversations, sent and received: their collections, fields and indexes.

Both have `conversation`, the chat in which a message is shown. It is the person's number where
that is known, whatever WhatsApp calls the chat, so that one person is one chat.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pymongo import ASCENDING, DESCENDING

from sessions.conversations.model import COLLECTION, ReceivedMessage
from sessions.messages.model import Message

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

Entry = Message | ReceivedMessage
"""A message of a conversation, sent or received."""
Index = list[tuple[str, int]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Side:
    """One side: its collection, its model, and the field with a message's time."""

    collection: str
    model: type[Message] | type[ReceivedMessage]
    at: str

    @property
    def by_chat(self) -> Index:
        """The index for the messages of one chat, newest first."""
        return [
            ("connection", ASCENDING),
            ("conversation", ASCENDING),
            (self.at, DESCENDING),
            ("_id", DESCENDING),
        ]

    @property
    def by_time(self) -> Index:
        """The index for the chats of a connection, the one with the newest message first."""
        return [("connection", ASCENDING), (self.at, DESCENDING), ("conversation", ASCENDING)]


SENT = Side("messages", Message, "conversationAt")
RECEIVED = Side(COLLECTION, ReceivedMessage, "at")
SIDES = (SENT, RECEIVED)


@dataclass(frozen=True)
class Place:
    """A place in a list that is sorted by time: newest first, then by name."""

    at: datetime
    name: str

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read what `str` has written; raise ValueError for anything else."""
        milliseconds, _, name = text.partition("-")
        return cls(_EPOCH + int(milliseconds) * _MILLISECOND, name)

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MILLISECOND}-{self.name}"


def time_of(entry: Entry) -> datetime:
    """Return when a message stands in its conversation."""
    if isinstance(entry, ReceivedMessage):
        return entry.at
    return entry.conversation_at or entry.queued_at


async def create_indexes(database: Database) -> None:
    """Create the indexes of both sides; safe to repeat and to race."""
    for side in SIDES:
        for keys in (side.by_chat, side.by_time):
            await database[side.collection].create_index(keys)
