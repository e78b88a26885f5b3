"""The indexes of the outbox: every query for messages uses one of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from sessions.messages.model import MessageStatus
from sessions.messages.search import BY_REFERENCE, SEARCH_INDEXES, Index
from sessions.storage.mongo import forget_after

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection

_CONNECTION = ("connection", ASCENDING)
_STATUS = ("status", ASCENDING)
_EXPIRES = ("expiresAt", ASCENDING)
# `dueAt` is in the index, so that scheduled messages are skipped without reading them.
_ORDER = [("priority", ASCENDING), ("seq", ASCENDING), ("dueAt", ASCENDING)]
_QUEUED = {"status": MessageStatus.QUEUED}
_CAN_EXPIRE = {**_QUEUED, "expiresAt": {"$type": "date"}}

_ALL: tuple[Index, ...] = (
    [_CONNECTION, _STATUS, *_ORDER],
    [_CONNECTION, _STATUS, ("queuedAt", ASCENDING)],
    [_CONNECTION, _STATUS, ("dueAt", ASCENDING)],
    [_CONNECTION, ("pacedAt", DESCENDING)],
    [_CONNECTION, ("to", ASCENDING), ("pacedAt", DESCENDING)],
    *SEARCH_INDEXES,
)
_PARTIAL: tuple[tuple[Index, dict[str, Any]], ...] = (
    ([_CONNECTION, ("sentAt", ASCENDING)], {"sentAt": {"$exists": True}}),
    ([_STATUS, _CONNECTION], _QUEUED),
    ([_CONNECTION, _EXPIRES], _CAN_EXPIRE),
    ([_EXPIRES], _CAN_EXPIRE),
    ([_CONNECTION, ("bareId", ASCENDING)], {"bareId": {"$exists": True}}),
    ([_CONNECTION, ("chatId", ASCENDING)], {"chatId": {"$exists": True}}),
    ([("chatId", ASCENDING)], {"chatId": {"$exists": True}}),
    ([_CONNECTION, ("chatTail", ASCENDING)], {"chatTail": {"$type": "string"}}),
    (BY_REFERENCE, {"reference": {"$type": "string"}}),
    ([_CONNECTION, ("to", ASCENDING), ("dueAt", ASCENDING)], {"putOff": True}),
    ([("media.mediaId", ASCENDING)], {"media.mediaId": {"$type": "string"}}),
    ([("media.original", ASCENDING)], {"media.original": {"$type": "string"}}),
    (
        [("fetch.original.mediaId", ASCENDING)],
        {"fetch.original.mediaId": {"$type": "string"}},
    ),
    ([("fetch.nextAt", ASCENDING)], {**_QUEUED, "fetch.nextAt": {"$type": "date"}}),
    ([("plan.subject", ASCENDING), _STATUS], {"plan.subject": {"$exists": True}}),
    ([("plan.origin", ASCENDING), _STATUS], {"plan.origin": {"$exists": True}}),
)
_FINISHED = "finished"


async def create_indexes(messages: Collection) -> None:
    """Create missing indexes; safe to repeat and to race."""
    partial = (IndexModel(keys, partialFilterExpression=which) for keys, which in _PARTIAL)
    await messages.create_indexes([*map(IndexModel, _ALL), *partial])


async def forget_finished(messages: Collection, keep_for: timedelta) -> None:
    """Have MongoDB remove messages `keep_for` after they ended; replaces an earlier setting."""
    await forget_after(messages, "endedAt", keep_for, _FINISHED)
