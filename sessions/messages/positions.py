"""Count how many messages go before others, for a whole page of messages in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessions.messages.model import Message, MessageStatus, Priority
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

COUNTED_AT_MOST = 10_000
"""Positions are counted up to this number; it also stands for every higher position."""
_CLOCKS_DIFFER = timedelta(seconds=1)
"""A message is due by MongoDB's clock, which ours follows only roughly."""
_NOT_SENT = [MessageStatus.QUEUED, MessageStatus.SENDING]


@dataclass(frozen=True)
class _Stretch:
    """A range of a connection's queue: one priority, from `start` up to but not including `end`."""

    connection: str
    priority: Priority
    start: int | None = None
    end: int | None = None

    def to_pipeline(self, name: int, due_by: datetime) -> list[dict[str, Any]]:
        """Return the pipeline that counts its messages; `name` identifies the result.

        Those that are due later let others pass, so they do not count.
        """
        place = {"$gte": self.start} if self.start is not None else {}
        place |= {"$lt": self.end} if self.end is not None else {}
        match = {
            "connection": {"$eq": self.connection},
            "status": {"$in": _NOT_SENT},
            "priority": self.priority,
            **({"seq": place} if place else {}),
            "dueAt": {"$lte": due_by},
        }
        return [
            {"$match": match},
            {"$limit": COUNTED_AT_MOST},
            {"$group": {"_id": {"$literal": name}, "count": {"$sum": 1}}},
        ]


class QueuePositions:
    """Count positions in the order in which connections send."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._collection: Collection = database["messages"]
        self._now = now
        self.of_one: BatchedLookup[Message, int] = BatchedLookup(self._of_each)

    async def of(self, messages: Sequence[Message]) -> dict[str, int]:
        """Return how many go before each of these messages, by id, up to COUNTED_AT_MOST."""
        groups: dict[tuple[str, Priority], list[Message]] = defaultdict(list)
        for message in messages:
            groups[message.connection, message.priority].append(message)
        before = {group: [*_before(*group)] for group in groups}
        within = {group: [*_between(own)] for group, own in groups.items()}
        stretches = dict.fromkeys(
            each for some in (*before.values(), *within.values()) for each in some
        )
        counts = await self._count([*stretches])
        positions = {}
        for group, own in groups.items():
            position = sum(counts[each] for each in before[group])
            for message, stretch in zip(_in_order(own), within[group], strict=True):
                position += counts[stretch]
                positions[message.id] = min(position, COUNTED_AT_MOST)
        return positions

    async def _of_each(self, messages: Sequence[Message]) -> list[int]:
        positions = await self.of(messages)
        return [positions[message.id] for message in messages]

    async def _count(self, stretches: Sequence[_Stretch]) -> dict[_Stretch, int]:
        """Count all stretches with one query; each is a range of one index."""
        if not stretches:
            return {}
        due_by = self._now() + _CLOCKS_DIFFER
        pipeline = stretches[0].to_pipeline(0, due_by)
        for name, stretch in enumerate(stretches[1:], 1):
            union = {"coll": self._collection.name, "pipeline": stretch.to_pipeline(name, due_by)}
            pipeline.append({"$unionWith": union})
        found = {each["_id"]: each["count"] async for each in self._collection.aggregate(pipeline)}
        return {stretch: found.get(name, 0) for name, stretch in enumerate(stretches)}


def _before(connection: str, priority: Priority) -> Iterator[_Stretch]:
    """Yield the stretches of all higher priorities."""
    return (_Stretch(connection, each) for each in Priority if each < priority)


def _between(messages: Sequence[Message]) -> Iterator[_Stretch]:
    """Yield the stretches up to the first message, from there to the second, and so on."""
    start = None
    for message in _in_order(messages):
        yield _Stretch(message.connection, message.priority, start, message.seq)
        start = message.seq


def _in_order(messages: Sequence[Message]) -> list[Message]:
    return sorted(messages, key=lambda message: message.seq)
