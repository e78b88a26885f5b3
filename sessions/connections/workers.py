"""Worker processes and their heartbeats, on MongoDB's clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessions import __version__
from sessions.common.disk_space import DiskState
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

FRESH = timedelta(seconds=15)
"""A worker whose last heartbeat is older counts as dead."""
_REMEMBERED_FOR = timedelta(days=1)
"""How long a dead worker is still listed."""
_AGE = {"$subtract": ["$$NOW", "$seenAt"]}
_FRESH = FRESH // timedelta(milliseconds=1)
_ALIVE = {"$expr": {"$lt": [_AGE, _FRESH]}}


class WorkerRecord(Record):
    """A worker as of its last heartbeat."""

    worker: str
    alive: bool
    running: int
    capacity: int
    version: str | None = None
    started_at: datetime | None = None
    seen_at: datetime
    disk: DiskState = DiskState.OK


class WorkerRegistry:
    """Record heartbeats, and tell which workers are alive."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["workers"]

    async def prepare(self) -> None:
        """Create the index that removes dead workers; safe to repeat and to race."""
        await self._collection.create_index(
            "seenAt", expireAfterSeconds=int(_REMEMBERED_FOR.total_seconds())
        )

    async def beat(
        self,
        worker: str,
        instance: str,
        running: int,
        capacity: int,
        disk: DiskState = DiskState.OK,
    ) -> None:
        """Record a heartbeat: how many connections the worker runs and can run, and its disk."""
        changes: dict[str, Any] = {
            "instance": {"$literal": instance},
            "running": running,
            "capacity": capacity,
            "disk": disk,
            "version": __version__,
            "startedAt": {
                "$cond": [{"$eq": ["$instance", {"$literal": instance}]}, "$startedAt", "$$NOW"]
            },
            "seenAt": "$$NOW",
        }
        await self._collection.update_one({"_id": worker}, [{"$set": changes}], upsert=True)

    async def leave(self, worker: str, instance: str) -> None:
        """Remove a worker that stops in order, unless a newer process has taken its name."""
        await self._collection.delete_one({"_id": worker, "instance": instance})

    async def loads(self, but: str) -> list[float]:
        """Return how full the other live workers that have room are, from 0 to 1."""
        cursor = self._collection.find({"_id": {"$ne": but}, **_ALIVE})
        return [
            each["running"] / each["capacity"]
            async for each in cursor
            if each["running"] < each["capacity"]
        ]

    async def room(self, but: str) -> int:
        """Count the connections that the other live workers can still take."""
        cursor = self._collection.find({"_id": {"$ne": but}, **_ALIVE})
        return sum([max(0, each["capacity"] - each["running"]) async for each in cursor])

    async def all(self) -> list[WorkerRecord]:
        """Return the live workers, and those that died lately, by name."""
        alive = {"$addFields": {"worker": "$_id", "alive": {"$lt": [_AGE, _FRESH]}}}
        cursor = self._collection.aggregate([{"$sort": {"_id": 1}}, alive])
        return [WorkerRecord.model_validate(document) async for document in cursor]

    async def disks(self) -> list[DiskState]:
        """Return the state of each live worker's disk."""
        cursor = self._collection.find(_ALIVE, {"disk": True})
        return [DiskState(each.get("disk", DiskState.OK)) async for each in cursor]

    async def count_alive(self) -> int:
        """Count the workers with a fresh heartbeat."""
        return await self._collection.count_documents(_ALIVE)
