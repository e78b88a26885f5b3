"""Jobs of the arq intake that were no messages, kept for whoever wonders where one went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.storage.mongo import Collection, Database

_KEPT_FOR = timedelta(days=30)


class IntakeFailures:
    """Records why a job was refused, by the job's id."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._collection: Collection = database["intakeFailures"]
        self._now = now

    async def prepare(self) -> None:
        """Create the index that forgets old failures."""
        await self._collection.create_index(
            "failedAt", expireAfterSeconds=int(_KEPT_FOR.total_seconds())
        )

    async def record(self, job: str, reason: str) -> None:
        """Keep why a job was refused; the same job again is the same failure."""
        document = {"_id": job, "reason": reason, "failedAt": self._now()}
        await self._collection.replace_one({"_id": job}, document, upsert=True)
