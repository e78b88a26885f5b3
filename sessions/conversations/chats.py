"""The chats of a connection, the one with the newest message first, page by page.

Nothing is stored for a chat but how far it was read. A page reads the messages of both sides in the
order of time, only in the index, until it has met enough chats.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from sessions.conversations.model import ReceivedMessage
from sessions.conversations.read_marks import ReadMarks
from sessions.conversations.sides import RECEIVED, SENT, SIDES, Entry, Place, Side, time_of
from sessions.messages.model import Message

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

COUNTED_AT_MOST = 100
"""Unread messages are counted up to this number; it also stands for every higher number."""
_SCANNED_AT_ONCE = 1000
_SCANS = 10
"""A page looks at this many stretches of each index at most; then it ends with fewer chats."""
_OLDEST = datetime.min.replace(tzinfo=UTC)
_TOP = Place(datetime(9999, 1, 1, tzinfo=UTC), "")
"""Before all messages: WhatsApp's clock may be ahead of ours."""
_AFTER = "\0"
"""What makes a name the next one in the order."""


@dataclass(frozen=True)
class Chat:
    """A chat: its newest message, the newest received one, and how many were not read."""

    chat_id: str
    last: Entry
    last_received: ReceivedMessage | None
    unread: int

    @property
    def place(self) -> Place:
        """Its place in the list."""
        return Place(time_of(self.last), self.chat_id)


@dataclass(frozen=True)
class _Newest:
    """The newest messages of one chat."""

    sent: Message | None
    received: ReceivedMessage | None

    @property
    def entry(self) -> Entry | None:
        both = [each for each in (self.sent, self.received) if each is not None]
        return max(both, key=time_of, default=None)


@dataclass(frozen=True)
class _Stretch:
    """What was met in a part of the list: the chats, and where it ends; None: at the list's end."""

    chats: Sequence[str]
    end: Place | None


class Chats:
    """List chats; a message that is scheduled counts from the time when it is due."""

    def __init__(self, database: Database, marks: ReadMarks) -> None:
        self._database = database
        self._marks = marks

    async def page(
        self, connection: str, after: Place | None, limit: int, now: datetime
    ) -> tuple[list[Chat], Place | None]:
        """Return the chats behind a place, and the place where the next page begins, if any."""
        found: dict[str, Entry] = {}
        newest: dict[str, _Newest] = {}
        place: Place | None = after or _TOP
        for _ in range(_SCANS):
            if place is None or len(found) > limit:
                break
            stretch = await self._stretch(connection, place, now)
            for some in _pieces([each for each in stretch.chats if each not in newest], limit + 1):
                newest |= await self._newest(connection, some, now)
                found |= {
                    chat: entry
                    for chat in some
                    if (entry := newest[chat].entry) is not None and _is_behind(entry, chat, after)
                }
                if len(found) > limit:
                    break
            place = stretch.end
        listed = sorted(found, key=lambda chat: _order(Place(time_of(found[chat]), chat)))
        shown = {chat: found[chat] for chat in listed[:limit]}
        chats = await self._with_unread(connection, shown, newest)
        return chats, chats[-1].place if len(listed) > limit else place

    async def _stretch(self, connection: str, after: Place, now: datetime) -> _Stretch:
        """Return the chats in the next stretch of both sides, in the order of the list."""
        due = min(after, Place(now, ""), key=lambda place: place.at)
        scans = await asyncio.gather(
            self._scan(SENT, connection, due), self._scan(RECEIVED, connection, after)
        )
        ends = [scan[-1] for scan in scans if len(scan) == _SCANNED_AT_ONCE]
        # Behind the earlier end, the other side may have chats that were not met yet.
        end = min(ends, key=_order, default=None)
        met = sorted((each for scan in scans for each in scan), key=_order)
        within = (each for each in met if end is None or _order(each) <= _order(end))
        return _Stretch([*dict.fromkeys(each.name for each in within)], end)

    async def _scan(self, side: Side, connection: str, after: Place) -> list[Place]:
        """Return the places of the next messages; only the index is read."""
        begins = [connection, after.at, after.name + _AFTER]
        # Behind the oldest time there is nothing but messages of earlier versions without one.
        ends = [connection, _OLDEST, ""]
        index = side.by_time
        names = [name for name, _ in index]
        cursor = self._database[side.collection].find(
            projection={"_id": False, side.at: True, "conversation": True},
            hint=index,
            min=dict(zip(names, begins, strict=True)),
            max=dict(zip(names, ends, strict=True)),
            limit=_SCANNED_AT_ONCE,
        )
        return [Place(each[side.at], each["conversation"]) async for each in cursor]

    async def _newest(
        self, connection: str, chats: Sequence[str], now: datetime
    ) -> dict[str, _Newest]:
        sent, received = await asyncio.gather(
            *(self._newest_on(side, connection, chats, now) for side in SIDES)
        )
        return {
            chat: _Newest(
                Message.model_validate(sent[chat]) if chat in sent else None,
                ReceivedMessage.model_validate(received[chat]) if chat in received else None,
            )
            for chat in chats
        }

    async def _newest_on(
        self, side: Side, connection: str, chats: Sequence[str], now: datetime
    ) -> dict[str, dict[str, Any]]:
        """Return the newest message of each chat; MongoDB reads one for each (DISTINCT_SCAN)."""
        which: dict[str, Any] = {"connection": connection, "conversation": {"$in": [*chats]}}
        if side is SENT:
            which[side.at] = {"$lte": now}
        pipeline: list[dict[str, Any]] = [
            {"$match": which},
            {"$sort": dict(side.by_chat)},
            {"$group": {"_id": "$conversation", "newest": {"$first": "$$ROOT"}}},
        ]
        cursor = self._database[side.collection].aggregate(pipeline, hint=dict(side.by_chat))
        return {each["_id"]: each["newest"] async for each in cursor}

    async def _with_unread(
        self, connection: str, entries: Mapping[str, Entry], newest: Mapping[str, _Newest]
    ) -> list[Chat]:
        chats = [*entries]
        marks = await self._marks.of(connection, chats)
        unread = await self._count_unread(connection, chats, marks)
        return [
            Chat(chat, entry, newest[chat].received, unread.get(chat, 0))
            for chat, entry in entries.items()
        ]

    async def _count_unread(
        self, connection: str, chats: Sequence[str], marks: Mapping[str, Place]
    ) -> dict[str, int]:
        """Count for all chats with one query; each count is a stretch of one index."""
        pipelines = [_counts(connection, chat, marks.get(chat)) for chat in chats]
        if not pipelines:
            return {}
        first, *others = pipelines
        unions = [
            {"$unionWith": {"coll": RECEIVED.collection, "pipeline": each}} for each in others
        ]
        cursor = self._database[RECEIVED.collection].aggregate([*first, *unions])
        return {each["_id"]: each["count"] async for each in cursor}


def _counts(connection: str, chat: str, mark: Place | None) -> list[dict[str, Any]]:
    """Return the pipeline that counts what was received in a chat behind the last one read."""
    which: dict[str, Any] = {"connection": connection, "conversation": {"$eq": chat}}
    if mark is not None:
        which[RECEIVED.at] = {"$gte": mark.at}
        which["$nor"] = [{RECEIVED.at: mark.at, "_id": {"$lte": mark.name}}]
    return [
        {"$match": which},
        {"$limit": COUNTED_AT_MOST},
        {"$group": {"_id": {"$literal": chat}, "count": {"$sum": 1}}},
    ]


def _is_behind(entry: Entry, chat: str, after: Place | None) -> bool:
    """Tell whether a chat stands behind a place: one that stands before was shown already."""
    return after is None or _order(Place(time_of(entry), chat)) > _order(after)


def _order(place: Place) -> tuple[float, str]:
    """Return the key by which the list is sorted: newest first, then by name."""
    return -place.at.timestamp(), place.name


def _pieces(items: Iterable[str], size: int) -> Iterable[list[str]]:
    remaining = iter(items)
    while piece := [*islice(remaining, size)]:
        yield piece
