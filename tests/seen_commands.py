"""A database whose commands are noted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import monitoring

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


_WRITES = ("insert", "update", "findAndModify", "delete")


class SeenCommands(monitoring.CommandListener):
    """Keeps every command on a collection, as it was sent."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if isinstance(event.command.get(event.command_name), str):
            self.all.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass

    def names(self) -> list[str]:
        """Return what was asked of which collection, in order: `find messages`."""
        return [" ".join(map(str, next(iter(each.items())))) for each in self.all]

    def written(self) -> set[str]:
        """Return the collections into which something was to be written."""
        commands = (next(iter(each.items())) for each in self.all)
        return {str(collection) for name, collection in commands if name in _WRITES}


@asynccontextmanager
async def noting(database: Database, uri: str) -> AsyncIterator[tuple[Database, SeenCommands]]:
    """Open a database once more, with a client of its own whose commands are noted."""
    seen = SeenCommands()
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        uri, tz_aware=True, journal=True, event_listeners=[seen]
    )
    yield client[database.name], seen
    client.close()
