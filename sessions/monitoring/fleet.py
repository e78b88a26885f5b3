"""Read the state of all connections, their queues and the workers at once, for operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessions.connections.model import Connection
from sessions.connections.states import ConnectionState
from sessions.connections.store import ConnectionStore
from sessions.messages.model import MessageStatus
from sessions.whatsapp.breaker import BreakerReader

if TYPE_CHECKING:
    from sessions.connections.workers import WorkerRegistry
    from sessions.storage.mongo import Database

_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True)
class Queue:
    """How many messages a connection has not sent yet, and how long the oldest has been due."""

    messages: int = 0
    oldest: timedelta = timedelta(0)


@dataclass(frozen=True)
class Fleet:
    """All connections with their queues, and the number of live workers."""

    queues: Mapping[str, Queue]
    connections: list[Connection]
    workers: int
    whatsapp_changed: bool = False
    """Whether all connections wait, because WhatsApp Web has changed and nothing can be sent."""

    def states(self) -> dict[ConnectionState, int]:
        """Count the connections by their observed state."""
        counts = dict.fromkeys(ConnectionState, 0)
        for connection in self.connections:
            counts[connection.observed()[0]] += 1
        return counts

    def queue_of(self, connection: Connection) -> Queue:
        """Return a connection's queue."""
        return self.queues.get(connection.id, Queue())


class FleetStore:
    """Read the state of the whole fleet, from indexes only."""

    def __init__(
        self, database: Database, connections: ConnectionStore, workers: WorkerRegistry
    ) -> None:
        self._messages = database["messages"]
        self._connections = connections
        self._workers = workers
        self._breaker = BreakerReader(database)

    async def look(self, now: datetime) -> Fleet:
        """Return the present state; this costs two index seeks for each connection."""
        connections = await self._connections.of_owner(None)
        queues = await self._queues([each.id for each in connections], now)
        changed = (await self._breaker.read()).changed
        return Fleet(queues, connections, await self._workers.count_alive(), changed)

    async def _queues(self, connections: list[str], now: datetime) -> dict[str, Queue]:
        waiting = [MessageStatus.QUEUED, MessageStatus.SENDING]
        cursor = self._messages.aggregate(
            [
                {"$match": {"connection": {"$in": connections}, "status": {"$in": waiting}}},
                {
                    "$group": {
                        "_id": "$connection",
                        "messages": {"$sum": 1},
                        "due": {"$min": "$dueAt"},
                    }
                },
            ],
            maxTimeMS=_WITHIN // timedelta(milliseconds=1),
        )
        return {each["_id"]: _queue(each, now) async for each in cursor}


def _queue(document: Mapping[str, Any], now: datetime) -> Queue:
    return Queue(document["messages"], max(timedelta(0), now - document["due"]))
