"""The history of the queues, minute by minute; each minute is recorded by one process only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from sessions.monitoring.fleet import Fleet

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

KEPT_FOR = timedelta(hours=48)
MINUTE = timedelta(minutes=1)
_CLAIM = "queueHistory"
_THIS_MINUTE = {"$dateTrunc": {"date": "$$NOW", "unit": "minute"}}


@dataclass(frozen=True)
class Sample:
    """An owner's queues at one minute, and what was sent and failed in the minute before."""

    at: datetime
    queued: int = 0
    oldest: timedelta = timedelta(0)
    """How long the message that waits longest has been due."""
    sent: int = 0
    failed: int = 0

    def joined(self, other: Sample) -> Sample:
        """Return the sum of two samples of the same minute."""
        return Sample(
            self.at,
            self.queued + other.queued,
            max(self.oldest, other.oldest),
            self.sent + other.sent,
            self.failed + other.failed,
        )

    def followed_by(self, later: Sample) -> Sample:
        """Merge with a later sample: the longer queue of both, and the sums of sent and failed."""
        return Sample(
            self.at,
            max(self.queued, later.queued),
            max(self.oldest, later.oldest),
            self.sent + later.sent,
            self.failed + later.failed,
        )


def in_steps(samples: Iterable[Sample], step: timedelta) -> list[Sample]:
    """Merge the samples of each step; a step is named by its start."""
    steps: dict[datetime, Sample] = {}
    for sample in samples:
        start = sample.at - timedelta(seconds=sample.at.timestamp() % step.total_seconds())
        known = steps.get(start, Sample(start))
        steps[start] = known.followed_by(sample)
    return [*steps.values()]


class QueueHistory:
    """Keep a sample of each minute for `KEPT_FOR`."""

    def __init__(self, database: Database) -> None:
        self._samples: Collection = database["queueHistory"]
        self._claims: Collection = database["claims"]
        self._messages: Collection = database["messages"]

    async def prepare(self) -> None:
        """Create the expiring index and the claim; several processes may do this at once."""
        never = {"$setOnInsert": {"minute": datetime.fromtimestamp(0, UTC)}}
        await self._claims.update_one({"_id": _CLAIM}, never, upsert=True)
        await self._samples.create_index("at", expireAfterSeconds=int(KEPT_FOR.total_seconds()))

    async def claim(self) -> datetime | None:
        """Return this minute, by the server's clock, to its first caller; None to all others."""
        document = await self._claims.find_one_and_update(
            {"_id": _CLAIM, "$expr": {"$lt": ["$minute", _THIS_MINUTE]}},
            [{"$set": {"minute": _THIS_MINUTE}}],
            return_document=ReturnDocument.AFTER,
        )
        return document["minute"] if document else None

    async def write_down(self, minute: datetime, fleet: Fleet) -> None:
        """Store the state of the queues, and what was sent and failed in the minute before."""
        owners: dict[str, Sample] = defaultdict(lambda: Sample(minute))
        for connection in fleet.connections:
            queue = fleet.queue_of(connection)
            own = Sample(minute, queue.messages, queue.oldest)
            owners[connection.owner] = owners[connection.owner].joined(own)
        for owner, ended in (await self._ended(minute - MINUTE, minute)).items():
            owners[owner] = owners[owner].joined(ended)
        rows = [_row(owner, sample) for owner, sample in owners.items()]
        await self._samples.insert_one({"at": minute, "owners": rows})

    async def _ended(self, start: datetime, end: datetime) -> Mapping[str, Sample]:
        """Count what was sent and failed from `start` until before `end`, by owner.

        A message that was sent or failed since `start` also has its `endedAt` since then: the
        search uses the index by which finished messages expire.
        """
        within = {"$gte": start, "$lt": end}
        cursor = self._messages.aggregate(
            [
                {"$match": {"endedAt": {"$gte": start}}},
                {"$match": {"$or": [{"sentAt": within}, {"failedAt": within}]}},
                {
                    "$group": {
                        "_id": "$owner",
                        "sent": {"$sum": _is_within("$sentAt", start, end)},
                        "failed": {"$sum": _is_within("$failedAt", start, end)},
                    }
                },
            ],
            hint="finished",
        )
        return {
            each["_id"]: Sample(end, sent=each["sent"], failed=each["failed"])
            async for each in cursor
        }

    async def since(self, start: datetime, owner: str | None) -> list[Sample]:
        """Return the samples of an owner (None: the sums of all owners), oldest first."""
        rows: Any = "$owners"
        if owner is not None:
            own = {"$eq": ["$$each.owner", {"$literal": owner}]}
            rows = {"$filter": {"input": "$owners", "as": "each", "cond": own}}
        cursor = self._samples.aggregate(
            [
                {"$match": {"at": {"$gte": start}}},
                {"$sort": {"at": 1}},
                {"$project": {"at": True, "owners": rows}},
            ]
        )
        return [_joined(document) async for document in cursor]


def _is_within(field: str, start: datetime, end: datetime) -> dict[str, Any]:
    inside = {"$and": [{"$gte": [field, start]}, {"$lt": [field, end]}]}
    return {"$cond": [inside, 1, 0]}


def _row(owner: str, sample: Sample) -> dict[str, Any]:
    return {
        "owner": owner,
        "queued": sample.queued,
        "oldestSeconds": int(sample.oldest.total_seconds()),
        "sent": sample.sent,
        "failed": sample.failed,
    }


def _joined(document: Mapping[str, Any]) -> Sample:
    sample = Sample(document["at"])
    for row in document["owners"]:
        oldest = timedelta(seconds=row["oldestSeconds"])
        sample = sample.joined(Sample(sample.at, row["queued"], oldest, row["sent"], row["failed"]))
    return sample
