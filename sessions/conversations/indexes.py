"""The indexes of received messages: every query for them uses one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from sessions.conversations.model import MediaState, ReceivedType
from sessions.storage.mongo import forget_after

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection

_CONNECTION = ("connection", ASCENDING)
_LATEST = [("at", DESCENDING), ("_id", DESCENDING)]
_ALL: tuple[list[tuple[str, int]], ...] = (
    [_CONNECTION, ("bareId", ASCENDING)],
    [_CONNECTION, ("chatId", ASCENDING), *_LATEST],
    [_CONNECTION, *_LATEST],
    [("owner", ASCENDING), *_LATEST],
    [("chatId", ASCENDING)],
    [("from", ASCENDING)],
    [("fromNumber", ASCENDING)],
)
_PARTIAL: tuple[tuple[list[tuple[str, int]], dict[str, Any]], ...] = (
    (
        [_CONNECTION, ("type", ASCENDING), ("recordedAt", ASCENDING)],
        {"type": ReceivedType.CIPHERTEXT},
    ),
    ([_CONNECTION, ("media.state", ASCENDING)], {"media.state": MediaState.PENDING}),
    ([("media.mediaId", ASCENDING)], {"media.mediaId": {"$type": "string"}}),
)
_OF_RESPONSES = [
    IndexModel([(field, ASCENDING)], partialFilterExpression={field: {"$exists": True}})
    for field in ("reactions.from", "votes.from")
]


async def create_indexes(received: Collection, keep_for: timedelta) -> None:
    """Create missing indexes, and have MongoDB remove messages `keep_for` after their recording.

    Safe to repeat and to race; replaces an earlier setting.
    """
    partial = [IndexModel(keys, partialFilterExpression=which) for keys, which in _PARTIAL]
    unique = IndexModel([_CONNECTION, ("key", ASCENDING)], unique=True)
    await received.create_indexes([unique, *map(IndexModel, _ALL), *partial, *_OF_RESPONSES])
    await forget_after(received, "recordedAt", keep_for)


async def create_response_indexes(sent: Collection) -> None:
    """Create the indexes that find what one person did to messages that we have sent."""
    await sent.create_indexes(_OF_RESPONSES)
