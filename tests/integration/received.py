"""People who write to a connection, as its worker records it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessions.common.clock import utc_now
from sessions.conversations.identity import parse_key
from sessions.conversations.inbox import Inbox
from sessions.conversations.model import ReceivedMessage, ReceivedType
from sessions.conversations.seen import Arrival, Sighting
from tests.builders import PLAIN, Stores

if TYPE_CHECKING:
    from sessions.connections.leases import Lease

START = datetime(2026, 1, 1, tzinfo=UTC)
FRIEND = "972501234567@c.us"


@dataclass
class Received:
    """What people write to one connection; a second passes between two messages."""

    stores: Stores
    lease: Lease
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def inbox(self) -> Inbox:
        """The worker's side."""
        return Inbox(self.stores.database, self.stores.events, PLAIN, utc_now)

    async def text(
        self,
        text: str = "Hello",
        *,
        chat: str = FRIEND,
        sender: str | None = None,
        number: str | None = None,
        name: str | None = None,
        at: datetime | None = None,
        **more: Any,
    ) -> ReceivedMessage:
        """Record a text; without a time it comes a second after the one before."""
        n = next(self.numbers)
        author = f"_{sender}" if sender else ""
        key = f"false_{chat}_3EB0{n:016X}{author}"
        arrival = Arrival(
            name=parse_key(key),
            whatsapp_key=key,
            sender=sender or chat,
            at=at or START + timedelta(seconds=n),
            type=more.pop("type", ReceivedType.TEXT),
            from_number=number,
            sender_name=name,
            text=text,
            **more,
        )
        recorded = await self.inbox.record(self.lease, Sighting(arrivals=(arrival,)))
        (message,) = recorded.new
        return message
