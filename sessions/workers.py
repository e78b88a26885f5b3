"""Worker processes and their heartbeats, on the server's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.mongo import Collection, Database

FRESH = timedelta(seconds=15)
"""A worker whose heartbeat is older is taken for dead."""
_AGE = {"$subtract": ["$$NOW", "$seenAt"]}
_ALIVE = {"$expr": {"$lt": [_AGE, FRESH // timedelta(milliseconds=1)]}}


class WorkerRegistry:
    """Know which workers live."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["workers"]

    async def beat(self, worker: str, instance: str, running: int, capacity: int) -> None:
        """Say that a worker lives, how many connections it runs and how many it can."""
        changes: dict[str, Any] = {
            "instance": {"$literal": instance},
            "running": running,
            "capacity": capacity,
            "seenAt": "$$NOW",
        }
        await self._collection.update_one({"_id": worker}, [{"$set": changes}], upsert=True)

    async def leave(self, worker: str, instance: str) -> None:
        """Forget a worker that stops in order, unless a newer process goes by its name."""
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

    async def count_alive(self) -> int:
        """Count the workers with a fresh heartbeat."""
        return await self._collection.count_documents(_ALIVE)
