"""What is stored of messages, as far as it decides which changes are news; each is read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sessions.conversations.changes import PRESENT
from sessions.conversations.model import ReceivedType
from sessions.recipients.address import account_of

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection


def ids_of(*accounts: str, number: str | None) -> frozenset[str]:
    """Return the WhatsApp ids of one person."""
    return frozenset((*accounts, *([account_of(number)] if number else [])))


@dataclass(frozen=True)
class Stored:
    """A stored message: what it is, what has happened to it, and the ids of its sender."""

    id: str
    type: ReceivedType
    edited_at: datetime | None
    revoked_at: datetime | None
    sender: frozenset[str]

    FIELDS: ClassVar[Sequence[str]] = (
        *("key", "type", "editedAt", "revokedAt"),
        *("chatId", "conversation", "from", "fromNumber"),
    )

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Stored:
        """Read a document."""
        accounts = (document["chatId"], document["conversation"], document["from"])
        return cls(
            document["_id"],
            ReceivedType(document["type"]),
            document.get("editedAt"),
            document.get("revokedAt"),
            ids_of(*accounts, number=document.get("fromNumber")),
        )


class StoredMessages:
    """The stored messages of a connection, by their unique keys; erased ones are left out."""

    def __init__(self, received: Collection, lease: Lease) -> None:
        self._received = received
        self._connection = lease.connection
        self._looked_up: set[str] = set()
        self._found: dict[str, Stored] = {}

    async def of(self, keys: Iterable[str]) -> Mapping[str, Stored]:
        """Return what is stored under these keys, and what was asked for before."""
        missing = {*keys} - self._looked_up
        if missing:
            named = {"connection": self._connection, "key": {"$in": sorted(missing)}, **PRESENT}
            async for each in self._received.find(named, Stored.FIELDS):
                self._found[each["key"]] = Stored.of(each)
            self._looked_up |= missing
        return self._found
