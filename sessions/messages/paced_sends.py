"""What a connection has sent lately, for its pace: read once, then kept in the worker's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sessions.connections.pacing import DAY
from sessions.messages.model import Message

if TYPE_CHECKING:
    from sessions.messages.send_queue import SendQueue

_KEPT_FOR = DAY + timedelta(hours=1)
"""The longest window of a pace, and a margin for clocks that differ."""


@dataclass(frozen=True)
class Paced:
    """When a message or a number check last counted, and whether it opened a chat."""

    id: str
    at: datetime
    new_chat: bool = False


class PacedSends:
    """Cache what counts towards a connection's pace, so that MongoDB is not asked for each send.

    Only the holder of the lease sends, so after reading the earlier sends it knows of every new
    one. A new holder makes its own object. All times are MongoDB's.
    """

    def __init__(self, queue: SendQueue, connection: str, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._connection = connection
        self._now = now
        self._known: dict[str, Paced] | None = None
        self._changes = 0

    def forget(self) -> None:
        """Drop the cache: another worker may have sent, or a write may have failed."""
        self._changes += 1
        self._known = None

    def note(self, message: Message) -> None:
        """Add a message that was just recorded."""
        self._changes += 1
        if self._known is None or message.paced_at is None:
            return
        self._known.pop(message.id, None)
        self._known[message.id] = Paced(message.id, message.paced_at, bool(message.new_chat))
        while (first := next(iter(self._known.values()))).at < message.paced_at - _KEPT_FOR:
            del self._known[first.id]

    async def nth_latest(self, n: int) -> datetime | None:
        """Return when the n-th latest send ended, or None when there were fewer lately."""
        known = await self._read()
        found = next(islice(reversed(known.values()), n - 1, None), None)
        return None if found is None else found.at

    async def new_chats_since(self, since: datetime) -> list[datetime]:
        """Return when each new chat since a time was opened, oldest first."""
        known = await self._read()
        return [each.at for each in known.values() if each.new_chat and each.at >= since]

    async def opens_chat(self, message: Message) -> bool:
        """Tell whether a message would open a new chat, as far as stored messages show."""
        return await self._queue.opens_chat(message)

    async def is_new_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether no stored message went to this recipient or its chat."""
        return await self._queue.is_new_chat(self._connection, to, chat_id)

    async def may_be_known(self, message: Message) -> bool:
        """Tell whether a number may be another spelling of the number of a known chat."""
        return await self._queue.may_be_known(message)

    async def _read(self) -> dict[str, Paced]:
        while self._known is None:
            changes = self._changes
            found = await self._queue.paced_since(self._connection, self._now() - _KEPT_FOR)
            if changes == self._changes:  # otherwise what was noted meanwhile may be missing
                self._known = _by_id(found)
        return self._known


def _by_id(found: Iterable[Paced]) -> dict[str, Paced]:
    return {each.id: each for each in sorted(found, key=lambda each: each.at)}
