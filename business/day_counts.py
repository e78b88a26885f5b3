"""What happened on each day, counted from the records and kept for the days that are over.

Counting a year anew for each look would read all of its messages. Days before the last week are
counted now and then, since messages are still read and appointments still closed then, and after
a month no more. So numbers also outlive the messages, which are forgotten earlier than that.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from pymongo import ReplaceOne

from business.model import Trigger
from sessions.messages.states import OUT

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

MESSAGE, AUTOMATION, READING, REPLY, APPOINTMENT = (
    "message", "automation", "reading", "reply", "appointment",
)  # fmt: skip
"""What is counted: messages by status; those of an automation, by status; times until a message
was read, by their step; replies; and appointments by whether they had a reminder, and status.
A key is such a word and what it is counted by: `automation|ID|read`."""
STEPS_TO_E = 10
"""Times are counted in steps of 10 %, so that the median of many days can be told."""
REMINDED = "reminded"
Counts: TypeAlias = Counter[str]
Counted: TypeAlias = tuple[date, str, int]
"""A day, a key, and how many there are."""
_DAY = timedelta(days=1)
_FRESH = timedelta(days=7)
_FINAL = timedelta(days=30)
_AT_ONCE = 31
_OFTEN = 20
"""Between the two, a day is counted again when its numbers are older than this part of its age."""


class DayCounts:
    """Count the days of an owner; an owner of None means everybody's."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._messages: Collection = database["messages"]
        self._appointments: Collection = database["appointments"]
        self._received: Collection = database["receivedMessages"]
        self._kept: Collection = database["dayCounts"]
        self._now = now
        self._dated = (
            (self._messages, "queuedAt"),
            (self._received, "at"),
            (self._appointments, "startsAt"),
        )

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        for collection, name in self._dated:
            await collection.create_index([(name, 1), ("owner", 1)])
        await self._kept.create_index("owner")

    async def forget(self, owner: str) -> None:
        """Remove what is kept of an owner."""
        await self._kept.delete_many({"owner": {"$eq": owner}})

    async def within(
        self, owner: str | None, since: datetime, until: datetime, zone: ZoneInfo
    ) -> dict[date, Counts]:
        """Return the counts of each day, of a part of it at both ends."""
        first, end = _first_day(since, zone), self._end_of_kept(until, zone)
        if first >= end:
            return await self._count(owner, since, until, zone)
        parts = await asyncio.gather(
            self._count(owner, since, _begins(first, zone), zone),
            self._of_days(owner, first, end, zone),
            self._count(owner, _begins(end, zone), until, zone),
        )
        return {day: counts for part in parts for day, counts in part.items()}

    def _end_of_kept(self, until: datetime, zone: ZoneInfo) -> date:
        """Return the first day that is not kept: of the last week, or not wholly asked for."""
        return min(until, self._now() - _FRESH).astimezone(zone).date()

    async def _of_days(
        self, owner: str | None, first: date, end: date, zone: ZoneInfo
    ) -> dict[date, Counts]:
        """Return the counts of whole days that are over, and keep those that were counted."""
        days = [first + _DAY * number for number in range((end - first).days)]
        ids = {_id(owner, day, zone): day for day in days}
        found: dict[date, Counts] = {}
        async for kept in self._kept.find({"_id": {"$in": list(ids)}}):
            day = ids[kept["_id"]]
            if self._holds(_begins(day + _DAY, zone), kept["countedAt"]):
                found[day] = Counter(kept["counts"])
        # A part at a time, so that no answer takes long; what was counted is kept, whatever comes.
        missing = [day for day in days if day not in found]
        if missing:
            begins = await self._first_record(owner)
            missing = [day for day in missing if _begins(day + _DAY, zone) > begins]
        parts = (missing[at : at + _AT_ONCE] for at in range(0, len(missing), _AT_ONCE))
        for begin, stop in (run for part in parts for run in _runs(part)):
            since, until = _begins(begin, zone), _begins(stop, zone)
            counted = await self._count(owner, since, until, zone)
            run = [begin + _DAY * number for number in range((stop - begin).days)]
            await self._keep(owner, zone, {day: counted.get(day, Counter()) for day in run})
            found |= counted
        return found

    async def _first_record(self, owner: str | None) -> datetime:
        """Return the time of the first record, or now: before it there is nothing to count."""
        times = [self._now()]
        for collection, name in self._dated:
            which: dict[str, Any] = {name: {"$type": "date"}}  # what was erased has no time
            if owner is not None:
                which["owner"] = {"$eq": owner}
            first = await collection.find_one(which, {name: True}, sort=[(name, 1)])
            times += [first[name]] if first else []
        return min(times)

    def _holds(self, ended: datetime, counted: datetime) -> bool:
        """Tell whether what was counted of a day is still good enough."""
        age = self._now() - ended
        return counted - ended >= _FINAL or self._now() - counted <= age / _OFTEN

    async def _keep(self, owner: str | None, zone: ZoneInfo, days: Mapping[date, Counts]) -> None:
        now = self._now()
        documents = [
            {
                "_id": _id(owner, day, zone),
                "owner": owner,
                "countedAt": now,
                "counts": dict(counts),
            }
            for day, counts in days.items()
        ]
        replaced = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
        if replaced:
            await self._kept.bulk_write(replaced, ordered=False)

    async def _count(
        self, owner: str | None, since: datetime, until: datetime, zone: ZoneInfo
    ) -> dict[date, Counts]:
        """Count from the records, by day."""
        found: dict[date, Counts] = {}
        if since >= until:
            return found
        asked = (
            (self._messages, "queuedAt", _OF_MESSAGES),
            (self._messages, "queuedAt", _OF_READING),
            (self._received, "at", _OF_REPLIES),
        )
        answers = await asyncio.gather(
            *(
                _grouped(collection, _which(owner, name, since, until), name, zone, stages)
                for collection, name, stages in asked
            ),
            self._outcomes(_which(owner, "startsAt", since, until), zone),
        )
        for answer in answers:
            for day, key, count in answer:
                found.setdefault(day, Counter())[key] += count
        return found

    async def _outcomes(self, which: Mapping[str, Any], zone: ZoneInfo) -> list[Counted]:
        """Return the appointments by day, by whether they had a reminder that was sent, and status.

        A join inside MongoDB would look for the messages of each appointment by itself.
        """
        cursor = self._appointments.find(which, {"startsAt": True, "status": True})
        found = [each async for each in cursor]
        about = {
            "plan.subject": {"$in": [each["_id"] for each in found]},
            "plan.trigger": Trigger.BEFORE_APPOINTMENT,
            "status": {"$in": list(OUT)},
        }
        reminded = set(await self._messages.distinct("plan.subject", about))
        return [
            (
                each["startsAt"].astimezone(zone).date(),
                f"{APPOINTMENT}|{REMINDED if each['_id'] in reminded else ''}|{each['status']}",
                1,
            )
            for each in found
        ]


_OF_AUTOMATION = {"$in": ["$plan.trigger", [str(each) for each in Trigger]]}
_OF_ORIGIN = {"$concat": [f"{AUTOMATION}|", "$plan.origin", "|", "$status"]}
_OF_MESSAGES: Sequence[Mapping[str, Any]] = (
    {
        "$set": {
            "key": {"$concat": [f"{MESSAGE}|", "$status"]},
            "also": {"$cond": [_OF_AUTOMATION, _OF_ORIGIN, None]},
        }
    },
)
_SECONDS = {"$divide": [{"$subtract": ["$readAt", "$sentAt"]}, 1000]}
_STEP = {"$floor": {"$multiply": [{"$ln": {"$max": [_SECONDS, 1]}}, STEPS_TO_E]}}
_OF_READING: Sequence[Mapping[str, Any]] = (
    {"$match": {"readAt": {"$exists": True}, "sentAt": {"$exists": True}}},
    {"$set": {"key": {"$concat": [f"{READING}|", {"$toString": {"$toInt": _STEP}}]}}},
)
_OF_REPLIES: Sequence[Mapping[str, Any]] = (
    {"$match": {"fromHistory": {"$ne": True}}},
    {"$set": {"key": REPLY}},
)


def _which(owner: str | None, name: str, since: datetime, until: datetime) -> dict[str, Any]:
    span = {name: {"$gte": since, "$lt": until}}
    return span if owner is None else {**span, "owner": {"$eq": owner}}


async def _grouped(
    collection: Collection,
    which: Mapping[str, Any],
    name: str,
    zone: ZoneInfo,
    stages: Iterable[Mapping[str, Any]],
) -> list[Counted]:
    """Count what matches, by day and by the keys that the stages give."""
    day = {"$dateToString": {"date": f"${name}", "format": "%Y-%m-%d", "timezone": str(zone)}}
    group = {"_id": {"day": day, "key": "$key", "also": "$also"}, "count": {"$sum": 1}}
    found: list[Counted] = []
    async for each in collection.aggregate([{"$match": which}, *stages, {"$group": group}]):
        at, count = date.fromisoformat(each["_id"]["day"]), int(each["count"])
        keys = (each["_id"]["key"], each["_id"].get("also"))
        found += [(at, key, count) for key in keys if key]
    return found


def _id(owner: str | None, day: date, zone: ZoneInfo) -> str:
    return f"{owner or '*'}|{zone}|{day.isoformat()}"


def _begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _first_day(since: datetime, zone: ZoneInfo) -> date:
    """Return the first day that begins at a moment or after it."""
    day = since.astimezone(zone).date()
    return day if _begins(day, zone) == since else day + _DAY


def _runs(days: Sequence[date]) -> list[tuple[date, date]]:
    """Return the runs of days that follow one another: each one's first day, and the day after."""
    if not days:
        return []
    breaks = [later for before, later in pairwise(days) if later - before > _DAY]
    ends = [before + _DAY for before, later in pairwise(days) if later - before > _DAY]
    return list(zip([days[0], *breaks], [*ends, days[-1] + _DAY], strict=True))
