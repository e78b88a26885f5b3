"""Put new messages into the outbox: durably, in their order, many requests in one write."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from pymongo.errors import BulkWriteError

from sessions.common.errors import ConnectionNotFoundError
from sessions.connections.model import Connection
from sessions.connections.store import ConnectionStore, Places
from sessions.messages.model import Draft, Message
from sessions.storage.batching import BatchedLookup
from sessions.storage.mongo import STORE_DOWN

if TYPE_CHECKING:
    from sessions.storage import mongo

_DUPLICATE_KEY = 11000
_ALONE = 50
"""So many messages of one request go by themselves: they would hold up others."""


@dataclass(frozen=True)
class Arrival:
    """The messages of one request, in their order."""

    connection: Connection
    drafts: Sequence[Draft]


@dataclass(frozen=True)
class Stored:
    """The messages of one request as they stand in the outbox, and which of them are new there."""

    messages: list[Message]
    new: list[Message]


@dataclass(frozen=True)
class _Row:
    """The places for what comes to a connection together; each is given out once."""

    places: Iterator[int]
    at: datetime


class Arrivals:
    """Stores messages behind those that are there already.

    Requests that come while others are stored share the next write: the journal is waited for
    once, however many they are.
    """

    def __init__(
        self,
        messages: mongo.Collection,
        connections: ConnectionStore,
        cancel_queued: Callable[[str], Awaitable[None]],
    ) -> None:
        self._messages = messages
        self._connections = connections
        self._cancel_queued = cancel_queued
        self._store = BatchedLookup(self._store_all)

    async def add(self, arrival: Arrival) -> Stored:
        """Store the messages of a request; raise ConnectionNotFoundError or STORE_DOWN errors."""
        if len(arrival.drafts) < _ALONE:
            return await self._store(arrival)
        (stored,) = await self._store_all([arrival])
        if isinstance(stored, Exception):
            raise stored
        return stored

    async def place(self, connection: str, count: int) -> int:
        """Take the next places in a connection's order; raise ConnectionNotFoundError."""
        return (await self._connections.next_places(connection, count)).first

    async def gone(self, connections: Collection[str]) -> set[str]:
        """Return those that were deleted meanwhile, after cancelling what was queued for them.

        A deletion cancels what it finds queued, which this may have come too late for. While
        MongoDB is away nobody is known to be gone: what is stored is stored, and what waits for
        a connection that is gone is found later.
        """
        gone: set[str] = set()
        with suppress(*STORE_DOWN):
            gone = {*connections} - await self._connections.present(connections)
            for connection in gone:
                await self._cancel_queued(connection)
        return gone

    async def _store_all(self, arrivals: Sequence[Arrival]) -> list[Stored | Exception]:
        places = await self._places(arrivals)
        stored = [_numbered(each, places.get(each.connection.id)) for each in arrivals]
        known = await self._insert([*chain.from_iterable(stored)])
        present = places.keys() - await self.gone(places.keys())
        return [
            Stored(messages, [each for each in messages if each.id not in known])
            if arrival.connection.id in present
            else ConnectionNotFoundError(arrival.connection.connection_id)
            for arrival, messages in zip(arrivals, stored, strict=True)
        ]

    async def _places(self, arrivals: Sequence[Arrival]) -> dict[str, _Row]:
        """Take places for all messages; return those of each connection that is there."""
        wanted: Counter[str] = Counter()
        for each in arrivals:
            wanted[each.connection.id] += len(each.drafts)
        taken = await asyncio.gather(*(self._take(*each) for each in wanted.items()))
        return {
            connection: _Row(count(places.first), places.at)
            for connection, places in zip(wanted, taken, strict=True)
            if places is not None
        }

    async def _take(self, connection: str, number: int) -> Places | None:
        """Take places in one connection's order; None when it is not there."""
        with suppress(ConnectionNotFoundError):
            return await self._connections.next_places(connection, number)
        return None

    async def _insert(self, messages: Sequence[Message]) -> set[str]:
        """Store messages; return the ids of those that were stored already."""
        documents = [each.model_dump(by_alias=True, exclude_none=True) for each in messages]
        try:
            if documents:
                await self._messages.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            refused = details["writeErrors"]
            # What the majority does not have yet may be taken back after an election.
            if details["writeConcernErrors"] or any(map(_is_unexpected, refused)):
                raise
            return {messages[each["index"]].id for each in refused}
        return set()


def _is_unexpected(refused: dict[str, Any]) -> bool:
    return bool(refused["code"] != _DUPLICATE_KEY)


def _numbered(arrival: Arrival, row: _Row | None) -> list[Message]:
    """Return the messages at their places; none where there are no places."""
    if row is None:
        return []
    return [
        draft.to_message(arrival.connection, place, row.at)
        for draft, place in zip(arrival.drafts, row.places, strict=False)
    ]
