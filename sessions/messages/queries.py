"""The filters and updates with which a worker claims and changes messages in MongoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING

from sessions.messages.model import Message
from sessions.messages.states import MOVES, OUT, Happening, becomes, may
from sessions.recipients.address import number_tail

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection

ORDER = [("priority", ASCENDING), ("seq", ASCENDING)]
OVERDUE = {"$and": [{"$gt": ["$expiresAt", None]}, {"$lte": ["$expiresAt", "$$NOW"]}]}
"""The expression for messages whose `expiresAt` is over."""


async def in_order(messages: Collection, query: dict[str, Any]) -> list[Message]:
    """Return the messages that match, in the order of sending."""
    cursor = messages.find(query, sort=ORDER)
    return [Message.model_validate(document) async for document in cursor]


def fence(lease: Lease) -> dict[str, Any]:
    """Return the filter that excludes messages which a newer lease has claimed."""
    return {"generation": {"$lte": lease.generation}}


def due(lease: Lease) -> dict[str, Any]:
    """Return the filter for messages that may be claimed now."""
    return {
        "connection": lease.connection,
        **may(Happening.CLAIMED),
        "$expr": {"$and": [{"$lte": ["$dueAt", "$$NOW"]}, {"$not": [OVERDUE]}]},
        **fence(lease),
    }


def claim(lease: Lease) -> list[dict[str, Any]]:
    """Return the update that claims a message."""
    changes = {
        "generation": lease.generation,
        "attempts": {"$add": ["$attempts", 1]},
        "takenUp": 0,
        "putOff": "$$REMOVE",
    }
    return becomes(Happening.CLAIMED, changes)


def bare_id(message_key: str) -> str:
    """Return the part of a WhatsApp message key that stays the same when its chat becomes a LID.

    A key reads `true_<chat>_<id>`, in groups `true_<chat>_<id>_<author>` (wa-js MsgKey).
    """
    parts = message_key.split("_")
    return parts[2] if len(parts) > 2 else message_key


def held(lease: Lease, happening: Happening = Happening.KEPT) -> dict[str, Any]:
    """Return the filter for messages that this lease has claimed and to which this may happen."""
    return {"generation": lease.generation, **may(happening)}


def written_down(whatsapp_id: str, chat_id: str) -> dict[str, Any]:
    """Return the changes that record the WhatsApp id and the chat of a message before its send."""
    return {
        "whatsappId": whatsapp_id,
        "bareId": bare_id(whatsapp_id),
        "chatId": chat_id,
        "chatTail": number_tail(chat_id),
        "pacedAt": "$$NOW",
    }


def in_hand(
    lease: Lease, message: Message, changes: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the filter and the update that change a claimed message and keep it claimed."""
    return {"_id": message.id, **held(lease)}, [{"$set": _literals(changes)}]


def out_of_hand(
    lease: Lease, message: Message, happening: Happening, changes: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the filter and the update that end this lease's claim of a message."""
    found = {"_id": message.id, **held(lease, happening)}
    return found, becomes(happening, _literals(changes))


def step(
    lease: Lease, message_key: str, acked: Happening
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the filter and the update that move a message forward by an ack.

    An ack proves that the message was sent, so it overrides any other status we have recorded.
    """
    times = {
        f"{reached}At": {"$ifNull": [f"${reached}At", "$$NOW"]}
        for reached in OUT[: OUT.index(MOVES[acked].after) + 1]
    }
    found = {
        "connection": lease.connection,
        "bareId": bare_id(message_key),
        **may(acked),
        **fence(lease),
    }
    return found, becomes(acked, {"reason": None, **times})


def _literals(changes: dict[str, Any]) -> dict[str, Any]:
    """Wrap values in `$literal`, so that no text is read as an expression; `$$NOW` stays one."""
    return {
        name: value if value == "$$NOW" else {"$literal": value} for name, value in changes.items()
    }
