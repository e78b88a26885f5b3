"""What the owner of a connection asks of the messages in MongoDB: filters, updates, order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING

from sessions.messages import PROGRESS, Message, MessageStatus
from sessions.recipients import number_tail

if TYPE_CHECKING:
    from sessions.leases import Lease
    from sessions.mongo import Collection

ORDER = [("priority", ASCENDING), ("seq", ASCENDING)]
OUT = list(PROGRESS[2:])
"""The statuses of what WhatsApp has."""
_NOT_KNOWN_TO_BE_OUT = (
    MessageStatus.FAILED,
    MessageStatus.EXPIRED,
    MessageStatus.CANCELLED,
    MessageStatus.UNKNOWN,
)
OVERDUE = {"$and": [{"$gt": ["$expiresAt", None]}, {"$lte": ["$expiresAt", "$$NOW"]}]}
"""The expression for messages whose time has run out."""


async def in_order(messages: Collection, query: dict[str, Any], limit: int = 0) -> list[Message]:
    """Return what a filter finds, in the order of sending; without a limit, all of it."""
    cursor = messages.find(query, sort=ORDER, limit=limit)
    return [Message.model_validate(document) async for document in cursor]


def fence(lease: Lease) -> dict[str, Any]:
    """Return the filter that keeps a message which a newer owner has claimed out of reach."""
    return {"generation": {"$lte": lease.generation}}


def due(lease: Lease) -> dict[str, Any]:
    """Return the filter for what may be claimed now."""
    return {
        "connection": lease.connection,
        "status": MessageStatus.QUEUED,
        "$expr": {"$and": [{"$lte": ["$dueAt", "$$NOW"]}, {"$not": [OVERDUE]}]},
        **fence(lease),
    }


def claim(lease: Lease) -> list[dict[str, Any]]:
    """Return the update that takes a message in hand."""
    changes = {
        "status": MessageStatus.SENDING,
        "statusAt": "$$NOW",
        "generation": lease.generation,
        "attempts": {"$add": ["$attempts", 1]},
        "takenUp": 0,
        "putOff": "$$REMOVE",
        "sendingAt": "$$NOW",
    }
    return [{"$set": changes}]


def bare_id(message_key: str) -> str:
    """Return the part of a WhatsApp message key that stays when its chat becomes a LID.

    A key reads `true_<chat>_<id>`, in groups `true_<chat>_<id>_<author>` (wa-js MsgKey).
    """
    parts = message_key.split("_")
    return parts[2] if len(parts) > 2 else message_key


def held(lease: Lease) -> dict[str, Any]:
    """Return the filter for what this owner has in hand."""
    return {"generation": lease.generation, "status": MessageStatus.SENDING}


def written_down(whatsapp_id: str, chat_id: str) -> dict[str, Any]:
    """Return the changes that record under which id, in which chat, a message is about to go."""
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
    """Return the filter and the update that change a message which this owner has in hand."""
    found = {"_id": message.id, **held(lease)}
    return found, [{"$set": {name: _literal(value) for name, value in changes.items()}}]


def step(
    lease: Lease, message_key: str, status: MessageStatus
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the filter and the update that move a message forward to a status.

    Only what was sent has an id that WhatsApp knows, so an ack proves it, whatever we thought.
    """
    before = [*PROGRESS[: PROGRESS.index(status)], *_NOT_KNOWN_TO_BE_OUT]
    times = {
        f"{reached}At": {"$ifNull": [f"${reached}At", "$$NOW"]}
        for reached in PROGRESS[2 : PROGRESS.index(status) + 1]
    }
    changes = {"status": status, "statusAt": "$$NOW", "reason": None, "endedAt": "$$NOW"}
    found = {
        "connection": lease.connection,
        "bareId": bare_id(message_key),
        "status": {"$in": before},
        **fence(lease),
    }
    return found, [{"$set": {**changes, **times}}]


def _literal(value: Any) -> Any:
    """Keep a text from being read as an expression of the pipeline, `$$NOW` aside."""
    return value if value == "$$NOW" else {"$literal": value}
