"""What the owner of a connection asks of the messages in MongoDB: filters and updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING

from sessions.messages import PROGRESS, MessageStatus

if TYPE_CHECKING:
    from sessions.leases import Lease
    from sessions.messages import Message

ORDER = [("priority", ASCENDING), ("seq", ASCENDING)]
_OVERDUE = {"$and": [{"$gt": ["$expiresAt", None]}, {"$lte": ["$expiresAt", "$$NOW"]}]}


def fence(lease: Lease) -> dict[str, Any]:
    """Return the filter that keeps a message which a newer owner has claimed out of reach."""
    return {"generation": {"$lte": lease.generation}}


def due(lease: Lease) -> dict[str, Any]:
    """Return the filter for what may be claimed now."""
    return {
        "connection": lease.connection,
        "status": MessageStatus.QUEUED,
        "$expr": {"$and": [{"$lte": ["$dueAt", "$$NOW"]}, {"$not": [_OVERDUE]}]},
        **fence(lease),
    }


def claim(lease: Lease) -> list[dict[str, Any]]:
    """Return the update that takes a message in hand."""
    changes = {
        "status": MessageStatus.SENDING,
        "statusAt": "$$NOW",
        "generation": lease.generation,
        "attempts": {"$add": ["$attempts", 1]},
        "sendingAt": "$$NOW",
    }
    return [{"$set": changes}]


def bare_id(message_key: str) -> str:
    """Return the part of a WhatsApp message key that stays when its chat becomes a LID.

    A key reads `true_<chat>_<id>`, in groups `true_<chat>_<id>_<author>` (wa-js MsgKey).
    """
    parts = message_key.split("_")
    return parts[2] if len(parts) > 2 else message_key


def in_hand(
    lease: Lease, message: Message, changes: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the filter and the update that change a message which this owner has in hand."""
    found = {
        "_id": message.id,
        "generation": lease.generation,
        "status": MessageStatus.SENDING,
    }
    return found, [{"$set": {name: _literal(value) for name, value in changes.items()}}]


def step(
    lease: Lease, message_key: str, status: MessageStatus
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the filter and the update that move a message forward to a status."""
    before = [*PROGRESS[1 : PROGRESS.index(status)], MessageStatus.UNKNOWN]
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
