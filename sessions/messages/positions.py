"""Tell how many messages go before others, for a whole page of them with one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessions.messages.model import Message, MessageStatus, Priority
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

COUNTED_AT_MOST = 10_000
"""A position that is as high stands for every higher one: more is not counted."""
_NOT_SENT = [MessageStatus.QUEUED, MessageStatus.SENDING]


@dataclass(frozen=True)
class _Stretch:
    """A part of a connection's queue: one priority, from one place to before another."""

    connection: str
    priority: Priority
    start: int | None = None
    end: int | None = None

    def to_pipeline(self, name: int) -> list[dict[str, Any]]:
        """Count what is in it, and call the result by a number."""
        place = {"$gte": self.start} if self.start is not None else {}
        place |= {"$lt": self.end} if self.end is not None else {}
        match = {
            "connection": {"$eq": self.connection},
            "status": {"$in": _NOT_SENT},
            "priority": self.priority,
            **({"seq": place} if place else {}),
        }
        return [
            {"$match": match},
            {"$limit": COUNTED_AT_MOST},
            {"$group": {"_id": {"$literal": name}, "count": {"$sum": 1}}},
        ]


class QueuePositions:
    """Counts along the order in which the connections send."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["messages"]
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
        """Count all stretches with one query: each is a range of the index of the order."""
        if not stretches:
            return {}
        pipeline = stretches[0].to_pipeline(0)
        for name, stretch in enumerate(stretches[1:], 1):
            union = {"coll": self._collection.name, "pipeline": stretch.to_pipeline(name)}
            pipeline.append({"$unionWith": union})
        found = {each["_id"]: each["count"] async for each in self._collection.aggregate(pipeline)}
        return {stretch: found.get(name, 0) for name, stretch in enumerate(stretches)}


def _before(connection: str, priority: Priority) -> Iterator[_Stretch]:
    """All of the priorities that pass this one."""
    return (_Stretch(connection, each) for each in Priority if each < priority)


def _between(messages: Sequence[Message]) -> Iterator[_Stretch]:
    """From the beginning to the first message, from there to the second, and so on."""
    start = None
    for message in _in_order(messages):
        yield _Stretch(message.connection, message.priority, start, message.seq)
        start = message.seq


def _in_order(messages: Sequence[Message]) -> list[Message]:
    return sorted(messages, key=lambda message: message.seq)
