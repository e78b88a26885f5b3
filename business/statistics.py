"""Statistics of an owner, each from one aggregation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from business.model import AppointmentStatus, Trigger
from sessions.messages.states import OUT

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_MOST_TIMES = 50_000
"""How many reading times the median is taken of, at most; the newest ones."""


@dataclass(frozen=True)
class Span:
    """From when to when, and in which steps of which zone's calendar."""

    since: datetime
    until: datetime
    by: str
    zone: str

    def within(self, name: str) -> dict[str, Any]:
        """Return the filter for a time within the span."""
        return {name: {"$gte": self.since, "$lt": self.until}}

    def step(self, name: str) -> dict[str, Any]:
        """Return the expression for the beginning of the step that a time is in."""
        trunc = {"date": f"${name}", "unit": self.by, "timezone": self.zone}
        return {"$dateTrunc": trunc | ({"startOfWeek": "sunday"} if self.by == "week" else {})}


@dataclass
class MessageCounts:
    """What became of the messages of a step, or of an automation."""

    at: datetime | None = None
    automation: str | None = None
    by_status: dict[str, int] = field(default_factory=dict)

    @property
    def sent(self) -> int:
        """How many WhatsApp has got."""
        return sum(self.by_status.get(status, 0) for status in OUT)

    def rate(self, *statuses: str) -> float | None:
        """Return which part of those that WhatsApp has got is in these statuses."""
        reached = sum(self.by_status.get(status, 0) for status in statuses)
        return reached / self.sent if self.sent else None


@dataclass
class Outcomes:
    """How appointments ended, of those with a reminder and those without."""

    reminded: bool
    by_status: dict[str, int] = field(default_factory=dict)

    def rate(self, status: AppointmentStatus) -> float | None:
        """Return which part of the appointments is in a status."""
        total = sum(self.by_status.values())
        return self.by_status.get(status, 0) / total if total else None


class Statistics:
    """Count messages, replies and appointments. An owner of None means everybody's."""

    def __init__(self, database: Database) -> None:
        self._messages: Collection = database["messages"]
        self._appointments: Collection = database["appointments"]
        self._received: Collection = database["receivedMessages"]

    async def messages(self, owner: str | None, span: Span) -> list[MessageCounts]:
        """Return what became of the messages that were accepted in each step."""
        key = {"at": span.step("queuedAt"), "status": "$status"}
        found = await self._counts(owner, span, key)
        return _grouped(found, "at")

    async def automations(self, owner: str | None, span: Span) -> list[MessageCounts]:
        """Return what became of the messages of each automation."""
        key = {"automation": "$plan.origin", "status": "$status"}
        planned = {"plan.trigger": {"$in": list(Trigger)}}
        return _grouped(await self._counts(owner, span, key, planned), "automation")

    async def _counts(
        self,
        owner: str | None,
        span: Span,
        key: dict[str, Any],
        which: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        stages = [
            {"$match": {**_of(owner), **span.within("queuedAt"), **(which or {})}},
            {"$group": {"_id": key, "count": {"$sum": 1}}},
            {"$sort": {"_id": 1}},
        ]
        return [each async for each in self._messages.aggregate(stages)]

    async def time_to_read(self, owner: str | None, span: Span) -> float | None:
        """Return the median time from sending to reading, in seconds."""
        read = {**_of(owner), **span.within("queuedAt"), "readAt": {"$gt": span.since}}
        stages: list[dict[str, Any]] = [
            {"$match": {**read, "sentAt": {"$exists": True}}},
            {"$sort": {"_id": -1}},
            {"$limit": _MOST_TIMES},
            {"$project": {"_id": False, "time": {"$subtract": ["$readAt", "$sentAt"]}}},
        ]
        times = [each["time"] async for each in self._messages.aggregate(stages)]
        return median(times) / 1000 if times else None

    async def replies(self, owner: str | None, span: Span) -> int:
        """Count the messages that were received."""
        which = {**_of(owner), **span.within("at"), "fromHistory": {"$ne": True}}
        return await self._received.count_documents(which)

    async def appointments(self, owner: str | None, span: Span) -> list[Outcomes]:
        """Return how appointments ended, with a reminder that was sent and without."""
        reminded = {
            "from": "messages",
            "localField": "_id",
            "foreignField": "plan.subject",
            "pipeline": [
                {
                    "$match": {
                        "plan.trigger": Trigger.BEFORE_APPOINTMENT,
                        "status": {"$in": list(OUT)},
                    }
                },
                {"$limit": 1},
                {"$project": {"_id": True}},
            ],
            "as": "reminders",
        }
        has_one = {"$gt": [{"$size": "$reminders"}, 0]}
        stages: list[dict[str, Any]] = [
            {"$match": {**_of(owner), **span.within("startsAt")}},
            {"$lookup": reminded},
            {"$group": {"_id": {"reminded": has_one, "status": "$status"}, "count": {"$sum": 1}}},
        ]
        outcomes = {True: Outcomes(reminded=True), False: Outcomes(reminded=False)}
        async for each in self._appointments.aggregate(stages):
            key = each["_id"]
            outcomes[bool(key["reminded"])].by_status[key["status"]] = int(each["count"])
        return list(outcomes.values())


def _of(owner: str | None) -> dict[str, Any]:
    return {} if owner is None else {"owner": {"$eq": owner}}


def _grouped(found: Iterable[dict[str, Any]], by: str) -> list[MessageCounts]:
    groups: dict[Any, MessageCounts] = {}
    for each in found:
        key = each["_id"][by]
        group = groups.setdefault(key, MessageCounts(**{by: key}))
        group.by_status[each["_id"]["status"]] = int(each["count"])
    return list(groups.values())
