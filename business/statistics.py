"""Statistics of an owner: messages, replies and appointments, summed up from their days."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from business.day_counts import (
    APPOINTMENT,
    AUTOMATION,
    MESSAGE,
    READING,
    REMINDED,
    REPLY,
    STEPS_TO_E,
    Counts,
    DayCounts,
)
from business.model import AppointmentStatus
from sessions.messages.states import OUT


@dataclass(frozen=True)
class Span:
    """From when to when, and in which steps of which zone's calendar; weeks begin on Sunday."""

    since: datetime
    until: datetime
    by: str
    zone: str

    def step(self, day: date) -> datetime:
        """Return the beginning of the step that a day is in."""
        if self.by == "week":
            day -= timedelta(days=day.isoweekday() % 7)
        elif self.by == "month":
            day = day.replace(day=1)
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)


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


@dataclass(frozen=True)
class Numbers:
    """All numbers of a span: those of each step and, in `total`, of the whole."""

    steps: Mapping[datetime, Counts]
    total: Counts

    @property
    def messages(self) -> list[MessageCounts]:
        """What became of the messages that were accepted in each step."""
        counted = [
            MessageCounts(at=at, by_status=_by_status(counts, f"{MESSAGE}|"))
            for at, counts in sorted(self.steps.items())
        ]
        return [each for each in counted if each.by_status]

    @property
    def automations(self) -> list[MessageCounts]:
        """What became of the messages of each automation."""
        keys = (key.split("|") for key in self.total)
        names = sorted({key[1] for key in keys if key[0] == AUTOMATION})
        return [
            MessageCounts(
                automation=name, by_status=_by_status(self.total, f"{AUTOMATION}|{name}|")
            )
            for name in names
        ]

    @property
    def appointments(self) -> list[Outcomes]:
        """How appointments ended, with a reminder that was sent and without."""
        return [
            Outcomes(reminded, _by_status(self.total, f"{APPOINTMENT}|{name}|"))
            for reminded, name in ((True, REMINDED), (False, ""))
        ]

    @property
    def replies(self) -> int:
        """How many messages were received."""
        return self.total[REPLY]

    @property
    def time_to_read(self) -> float | None:
        """The median time from sending to reading, in seconds, to a few per cent."""
        counted = _by_status(self.total, f"{READING}|")
        times = sorted((int(step), count) for step, count in counted.items())
        left = sum(count for _, count in times) / 2
        for step, count in times:
            left -= count
            if left <= 0:
                return math.exp((step + 0.5) / STEPS_TO_E)
        return None


class Statistics:
    """Count messages, replies and appointments. An owner of None means everybody's."""

    def __init__(self, days: DayCounts) -> None:
        self.days = days

    async def of(self, owner: str | None, span: Span) -> Numbers:
        """Return all numbers of a span."""
        zone = ZoneInfo(span.zone)
        steps: dict[datetime, Counts] = {}
        total: Counts = Counter()
        for day, counts in (await self.days.within(owner, span.since, span.until, zone)).items():
            steps.setdefault(span.step(day), Counter()).update(counts)
            total.update(counts)
        return Numbers(steps, total)


def _by_status(counts: Counts, before: str) -> dict[str, int]:
    """Return the counts whose keys begin like this, by what follows."""
    return {key[len(before) :]: count for key, count in counts.items() if key.startswith(before)}
