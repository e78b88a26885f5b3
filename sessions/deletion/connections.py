"""Delete connections: hidden from their owner at once, and removed in the background."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions.blobs import BlobEraser
from sessions.common.errors import ConnectionNotFoundError
from sessions.connections.commands import new_command
from sessions.connections.events import deleted_event
from sessions.connections.leases import NO_WORKER
from sessions.connections.moves import WHOSE
from sessions.connections.states import Command
from sessions.connections.store import HAS_LOGIN
from sessions.events.log import EventLog, EventType
from sessions.outgoing_events.pending import COUNT, FIELD, adds

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.connections.model import Connection
    from sessions.messages.outbox import Outbox
    from sessions.storage.mongo import Collection, Database

_KEPT = (FIELD, COUNT)
"""What stays of a removed record: the events that it has still to tell."""
_REMEMBERED_FOR = timedelta(days=365)
_NEEDS_NO_WORKER: dict[str, Any] = {"$and": [NO_WORKER, {"$not": [HAS_LOGIN]}]}


class Removals:
    """Delete connections in two steps: take them from their owners, then remove their data.

    The first step gives the record another owner, so that the connection's name is free at once.
    The record is removed last: after a crash, whoever finds it continues. Its internal id stays in
    a list for a year, so that workers know which browser profiles on their disks they can remove.
    """

    def __init__(self, database: Database, outbox: Outbox, events: EventLog) -> None:
        self._connections: Collection = database["connections"]
        self._removed: Collection = database["removedConnections"]
        self._blobs = BlobEraser(database)
        self._outbox = outbox
        self._events = events

    async def prepare(self) -> None:
        """Create the index by which old ids expire."""
        seconds = int(_REMEMBERED_FOR.total_seconds())
        await self._removed.create_index("removedAt", expireAfterSeconds=seconds)

    async def begin(self, connection: Connection) -> None:
        """Take a connection from its owner, and cancel its queued messages.

        Raises ConnectionNotFoundError if it was deleted meanwhile.
        """
        changes = {
            "owner": {"$concat": ["deleted:", "$_id"]},
            "deletedAt": "$$NOW",
            "command": {"$literal": new_command(Command.DELETE)},
            # A stage reads the record as it was before: this is the owner who deletes it.
            **adds(EventType.CONNECTION_DELETED, WHOSE),
        }
        present = {"_id": connection.id, "deletedAt": None}
        result = await self._connections.update_one(present, [{"$set": changes}])
        if result.matched_count == 0:
            raise ConnectionNotFoundError(connection.connection_id)
        self._events.publish(deleted_event(connection))
        await self._outbox.cancel_queued(connection.id)

    async def finish_alone(self, connection: str) -> bool:
        """Remove the connection's data, if that needs no worker; tell whether it is gone.

        It needs a worker while one runs the connection, or while a phone may still list it.
        """
        return await self._remove({"_id": connection, "$expr": _NEEDS_NO_WORKER})

    async def finish_all_alone(self) -> None:
        """Finish all deletions that need no worker, such as those that a crash has interrupted."""
        begun = {"command.name": Command.DELETE, "$expr": _NEEDS_NO_WORKER}
        async for document in self._connections.find(begun, {"_id": True}):
            await self.finish_alone(str(document["_id"]))

    async def finish(self, lease: Lease) -> None:
        """Remove the connection's data as its owner, after the login and the profile are gone."""
        await self._remove(lease.fence())

    async def removed_among(self, connections: Names[str]) -> set[str]:
        """Return which of these connections were deleted."""
        gone = self._removed.find({"_id": {"$in": list(connections)}}, {"_id": True})
        return {str(document["_id"]) async for document in gone}

    async def _remove(self, which: dict[str, Any]) -> bool:
        exact = {**which, "command.name": Command.DELETE}
        found = await self._connections.find_one(exact, {"_id": True})
        if found is None:
            return False
        connection = str(found["_id"])
        await self._outbox.abandon(connection)
        await self._blobs.discard(connection)
        while not await self._remove_record(exact):
            if await self._connections.find_one(exact, {"_id": True}) is None:
                return False
        return True

    async def _remove_record(self, exact: dict[str, Any]) -> bool:
        """Remove the record, with its untold events kept; tell whether it was as we read it.

        Events that the relay takes from both places have the same ids, so they are told once.
        """
        found = await self._connections.find_one(exact, dict.fromkeys(_KEPT, True))
        if found is None:
            return False
        kept = {field: {"$literal": found[field]} for field in _KEPT if field in found}
        await self._removed.update_one(
            {"_id": found["_id"]}, [{"$set": {**kept, "removedAt": "$$NOW"}}], upsert=True
        )
        unchanged = {COUNT: found.get(COUNT)}
        return (await self._connections.delete_one({**exact, **unchanged})).deleted_count > 0
