"""Build what tests start from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.connections.leases import Lease, LeaseStore
from sessions.connections.model import Connection
from sessions.connections.pacing import Pacing
from sessions.connections.store import ConnectionStore
from sessions.conversations.inbox import Inbox
from sessions.conversations.marks import Marks
from sessions.conversations.received import ReceivedMessages
from sessions.encryption.keys import Key, KeyRing
from sessions.events.log import EventLog
from sessions.media.store import MediaLimits, MediaStore
from sessions.messages.model import Draft, Message, Priority
from sessions.messages.outbox import Outbox
from sessions.messages.sealed_texts import TextSealer
from sessions.messages.send_queue import SendQueue
from sessions.whatsapp.breaker import BreakerLimits, WhatsAppBreaker

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

OWNER = "admin"
PLAIN = TextSealer(None, on=False)
"""Texts as they are stored by default."""
LONG = timedelta(minutes=10)
MEDIA_KEYS = KeyRing([Key("one", b"1" * 32)])
MEDIA_LIMITS = MediaLimits(64 * 1024**2, 1024**3, timedelta(days=7), timedelta(days=30))


def whatsapp_breaker(
    database: Database, connections: int = 3, probe_every: timedelta = LONG
) -> WhatsAppBreaker:
    """Return the fleet's circuit breaker."""
    return WhatsAppBreaker(database, BreakerLimits(connections, LONG, probe_every, LONG))


TO = "972501234567@c.us"


class Stores:
    """The stores over one database, and shortcuts to put things into them."""

    def __init__(self, database: Database, events: EventLog | None = None) -> None:
        self.database = database
        self.events = events or EventLog()
        self.connections = ConnectionStore(database, self.events)
        self.outbox = Outbox(database, self.events)
        self.queue = SendQueue(database, self.events)
        self.media = MediaStore(database, MEDIA_KEYS, MEDIA_LIMITS)
        self.inbox = Inbox(database, self.events, PLAIN, utc_now)
        self.received = ReceivedMessages(database)
        self.marks = Marks(database)

    async def prepare(self) -> None:
        """Create the indexes, on which uniqueness depends."""
        await self.connections.prepare()
        await self.outbox.prepare(timedelta(days=90))
        await self.media.prepare()
        await self.received.prepare(timedelta(days=90))

    def leases(
        self,
        worker: str = "one",
        ttl: timedelta = LONG,
        instance: str | None = None,
        predecessor: str | None = None,
    ) -> LeaseStore:
        """Return the lease store of a worker process."""
        return LeaseStore(self.database, self.events, worker, instance or worker, ttl, predecessor)

    async def connection(self, connection_id: str = "main", owner: str = OWNER) -> Connection:
        """Store a connection that wants to run."""
        return await self.connections.create(
            owner, connection_id, "Main", None, utc_now(), pacing=Pacing(enabled=False)
        )

    async def leased(
        self, worker: str = "one", ttl: timedelta = LONG, owner: str = OWNER
    ) -> tuple[Connection, Lease]:
        """Store a connection and take its lease."""
        connection = await self.connection(owner=owner)
        lease = await self.leases(worker, ttl).acquire(connection.id)
        assert lease is not None
        return connection, lease

    async def message(
        self,
        connection: Connection,
        text: str = "Hello",
        priority: Priority = Priority.NORMAL,
        to: str = TO,
    ) -> Message:
        """Put a message into the outbox."""
        draft = Draft(id=new_id(), to=to, text=text, priority=priority)
        (message,) = await self.add(connection, [draft])
        return message

    async def add(self, connection: Connection, drafts: Sequence[Draft]) -> list[Message]:
        """Put messages into the outbox, behind those that are there."""
        places = await self.outbox.places.take(
            connection.owner, connection.connection_id, len(drafts)
        )
        return await self.outbox.add(places, drafts)
