"""Why arq jobs were refused, kept so that no message disappears without a trace."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.storage.mongo import Collection, Database

_KEPT_FOR = timedelta(days=30)


class IntakeFailures:
    """Record why a job was refused, by the job's id."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._collection: Collection = database["intakeFailures"]
        self._now = now

    async def prepare(self) -> None:
        """Create the index by which old failures expire."""
        await self._collection.create_index(
            "failedAt", expireAfterSeconds=int(_KEPT_FOR.total_seconds())
        )

    async def record(self, job: str, reason: str) -> None:
        """Store why a job was refused; a repeated job replaces its record."""
        document = {"_id": job, "reason": reason, "failedAt": self._now()}
        await self._collection.replace_one({"_id": job}, document, upsert=True)
