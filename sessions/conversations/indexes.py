"""The indexes of received messages: every query for them uses one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING

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
_FILE_PENDING: dict[str, Any] = {"media.state": MediaState.PENDING}
_WAITING: dict[str, Any] = {"type": ReceivedType.CIPHERTEXT}


async def create_indexes(received: Collection, keep_for: timedelta) -> None:
    """Create missing indexes, and have MongoDB remove messages `keep_for` after their recording.

    Safe to repeat and to race; replaces an earlier setting.
    """
    await received.create_index([_CONNECTION, ("key", ASCENDING)], unique=True)
    for keys in _ALL:
        await received.create_index(keys)
    await received.create_index(
        [_CONNECTION, ("type", ASCENDING), ("recordedAt", ASCENDING)],
        partialFilterExpression=_WAITING,
    )
    await create_response_indexes(received)
    await received.create_index(
        [_CONNECTION, ("media.state", ASCENDING)], partialFilterExpression=_FILE_PENDING
    )
    await received.create_index(
        [("media.mediaId", ASCENDING)],
        partialFilterExpression={"media.mediaId": {"$type": "string"}},
    )
    await forget_after(received, "recordedAt", keep_for)


async def create_response_indexes(messages: Collection) -> None:
    """Create the indexes that find what one person did to messages, sent or received."""
    for field in ("reactions.from", "votes.from"):
        some = {field: {"$exists": True}}
        await messages.create_index([(field, ASCENDING)], partialFilterExpression=some)
