"""Up to which time the messages of a connection are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sessions.common.errors import LeaseLostError

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database


@dataclass(frozen=True)
class Mark:
    """What is known of a connection before a sweep.

    All messages from before `through` are recorded, and all that happened to messages before
    `settled`; they are None until the first sweep has come so far. `linked_at` is when the phone
    was linked last; None for links by earlier versions.
    """

    through: datetime | None
    settled: datetime | None
    linked_at: datetime | None
    now: datetime
    """MongoDB's time."""


class Marks:
    """Read and move the marks, which are fields of the connections' records.

    A mark moves only after MongoDB has recorded the messages before it, and only under the newest
    lease. It never moves back, and never beyond MongoDB's present.
    """

    def __init__(self, database: Database) -> None:
        self._connections: Collection = database["connections"]

    async def read(self, lease: Lease) -> Mark:
        """Return the mark; raise LeaseLostError if the lease is not the newest."""
        fields = {"receivedThrough": True, "settledThrough": True, "linkedAt": True, "now": "$$NOW"}
        found = await self._connections.find_one(lease.fence(), fields)
        if found is None:
            raise _lost(lease)
        through, settled = found.get("receivedThrough"), found.get("settledThrough")
        return Mark(through, settled, found.get("linkedAt"), found["now"])

    async def move(self, lease: Lease, through: datetime, *, settled: bool = False) -> None:
        """Move the mark forward to a time; raise LeaseLostError if the lease is not the newest.

        With `settled`, what happened to messages is recorded up to there, too.
        """
        forward = {"$max": ["$receivedThrough", {"$min": [through, "$$NOW"]}]}
        changes = {"receivedThrough": forward} | ({"settledThrough": forward} if settled else {})
        result = await self._connections.update_one(lease.fence(), [{"$set": changes}])
        if result.matched_count == 0:
            raise _lost(lease)


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(f"Generation {lease.generation} no longer owns this connection.")
