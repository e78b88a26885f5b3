"""Find the message that a reply answers, or to which an action does something."""

from __future__ import annotations

from collections.abc import Collection as Ids
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sessions.common.errors import MessageNotFoundError
from sessions.messages.content import ACTIONS, Kind
from sessions.messages.model import MessageStatus, Priority

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_RECEIVED = "receivedMessages"
_BOTH = ("owner", "connection", "connectionId", "chatId", "revokedAt")
_SENT_FIELDS = dict.fromkeys(
    (*_BOTH, "kind", "status", "whatsappId", "to", "priority", "sentAt"), True
)
_RECEIVED_FIELDS = dict.fromkeys((*_BOTH, "whatsappKey", "at"), True)
_NO_ACTION = {"kind": {"$nin": sorted(ACTIONS)}}
_PRESENT = {"erased": None}


@dataclass(frozen=True)
class Referred:
    """A message that another one refers to: one that we send, or a received one."""

    id: str
    owner: str
    connection: str
    connection_id: str
    chat_id: str
    key: str | None
    """The page's key of it; None if it was not sent yet."""
    at: datetime | None
    """When WhatsApp got it."""
    revoked: bool
    kind: Kind | None = None
    status: MessageStatus | None = None
    """None for a received message, as is `kind`."""
    priority: Priority = Priority.NORMAL

    @property
    def is_ours(self) -> bool:
        """Whether we send it."""
        return self.status is not None


class ReferredMessages:
    """Look up messages by our ids, in both directions; actions are not found."""

    def __init__(self, database: Database) -> None:
        self._sent: Collection = database["messages"]
        self._received: Collection = database[_RECEIVED]

    async def find(self, connection: str, message_id: str) -> Referred | None:
        """Return a message of a connection; None if there is none."""
        return await self._find({"_id": {"$eq": message_id}, "connection": connection})

    async def named(self, owner: str | None, message_id: str) -> Referred:
        """Return the owner's message, or any owner's for None; raise MessageNotFoundError."""
        owned = {} if owner is None else {"owner": {"$eq": owner}}
        found = await self._find({"_id": {"$eq": message_id}, **owned})
        if found is None:
            raise MessageNotFoundError(message_id)
        return found

    async def present(self, connection: str, message_ids: Ids[str]) -> set[str]:
        """Return which of these messages a connection has."""
        named = {"_id": {"$in": [*message_ids]}, "connection": connection}
        sent = await self._sent.distinct("_id", {**named, **_NO_ACTION})
        missing = [each for each in message_ids if each not in sent]
        if not missing:
            return set(sent)
        others = {**named, "_id": {"$in": missing}, **_PRESENT}
        return {*sent, *await self._received.distinct("_id", others)}

    async def _find(self, named: dict[str, Any]) -> Referred | None:
        sent = await self._sent.find_one({**named, **_NO_ACTION}, _SENT_FIELDS)
        if sent is not None:
            return _of_sent(sent)
        received = await self._received.find_one({**named, **_PRESENT}, _RECEIVED_FIELDS)
        return None if received is None else _of_received(received)


def _of_sent(document: dict[str, Any]) -> Referred:
    return Referred(
        **_common(document),
        chat_id=document.get("chatId") or document["to"],
        key=document.get("whatsappId"),
        at=document.get("sentAt"),
        kind=Kind(document.get("kind", Kind.TEXT)),
        status=MessageStatus(document["status"]),
        priority=Priority(document["priority"]),
    )


def _of_received(document: dict[str, Any]) -> Referred:
    return Referred(
        **_common(document),
        chat_id=document["chatId"],
        key=document["whatsappKey"],
        at=document["at"],
    )


def _common(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": document["_id"],
        "owner": document["owner"],
        "connection": document["connection"],
        "connection_id": document["connectionId"],
        "revoked": document.get("revokedAt") is not None,
    }
