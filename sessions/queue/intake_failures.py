"""Why arq jobs were refused, kept so that no message disappears without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import DESCENDING

from sessions.common.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessions.storage.mongo import Collection, Database

_KEPT_FOR = timedelta(days=30)
_NEWEST_FIRST = [("failureId", DESCENDING)]


@dataclass(frozen=True)
class IntakeFailure:
    """One refused job."""

    id: str
    job: str
    reason: str
    failed_at: datetime


class IntakeFailures:
    """Record why a job was refused, by the job's id, and list what was refused lately."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._collection: Collection = database["intakeFailures"]
        self._now = now

    async def prepare(self) -> None:
        """Create the indexes by which failures are listed and old ones expire."""
        await self._collection.create_index(_NEWEST_FIRST)
        await self._collection.create_index(
            "failedAt", expireAfterSeconds=int(_KEPT_FOR.total_seconds())
        )

    async def record(self, job: str, reason: str) -> None:
        """Store why a job was refused; a repeated job replaces its record."""
        document = {
            "_id": job,
            "failureId": new_id(),
            "reason": reason,
            "failedAt": self._now(),
        }
        await self._collection.replace_one({"_id": job}, document, upsert=True)

    async def page(self, before: str | None, limit: int) -> tuple[list[IntakeFailure], str | None]:
        """Return failures, newest first, and the cursor of the next page if there is one.

        Failures that an earlier version recorded have no id and are not listed.
        """
        older: dict[str, Any] = {"$lt": before} if before else {"$exists": True}
        cursor = self._collection.find({"failureId": older}, sort=_NEWEST_FIRST, limit=limit + 1)
        found = [_failure(document) async for document in cursor]
        page = found[:limit]
        return page, page[-1].id if len(found) > limit else None


def _failure(document: Mapping[str, Any]) -> IntakeFailure:
    return IntakeFailure(
        document["failureId"], document["_id"], document["reason"], document["failedAt"]
    )
