"""The order of each connection's messages: a place for each message, given out once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import WriteConcern

from sessions.common.errors import ConnectionNotFoundError
from sessions.connections.model import Connection
from sessions.connections.store import FIELDS, PRESENT
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database


@dataclass(frozen=True)
class Places:
    """Places in the order of a connection's messages, from `first` on.

    `at` is when they were taken. It is MongoDB's clock, not the caller's, so that a later place is
    never due before an earlier one.
    """

    connection: Connection
    first: int
    at: datetime


@dataclass(frozen=True)
class _Named:
    """A connection by its owner's id for it, if our id is one of `only` (None: any)."""

    owner: str
    connection_id: str
    only: frozenset[str] | None

    @property
    def filter(self) -> dict[str, Any]:
        ids = {} if self.only is None else {"_id": {"$in": sorted(self.only)}}
        return {"owner": {"$eq": self.owner}, "connectionId": {"$eq": self.connection_id}, **ids}


class MessagePlaces:
    """Give out places in the order of messages; a connection that is being deleted has none."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["connections"]
        # Places are taken without waiting for the journal. If MongoDB loses that write in a crash,
        # it has lost the message at that place too: the message is journaled after it.
        self._unjournaled = self._collection.with_options(write_concern=WriteConcern(w=1, j=False))
        self._taking = BatchedLookup(self._take_all)

    async def take(
        self, owner: str, connection_id: str, count: int, only: frozenset[str] | None = None
    ) -> Places:
        """Take the next places in the order of messages of the owner's connection.

        Concurrent callers share one write. Raises ConnectionNotFoundError, also if the
        connection's id is not one of `only`.
        """
        return await self._taking((_Named(owner, connection_id, only), count))

    async def take_of(self, internal_id: str, connection_id: str, count: int = 1) -> int:
        """Take the next places of the connection with this id of ours; return the first.

        Raises ConnectionNotFoundError, which names its owner's id for it.
        """
        places = await self._take({"_id": internal_id}, count)
        if places is None:
            raise ConnectionNotFoundError(connection_id)
        return places.first

    async def gone(self, internal_ids: Iterable[str]) -> set[str]:
        """Return which of these connections are deleted, or being deleted."""
        ids = {*internal_ids}
        cursor = self._collection.find(
            {"_id": {"$in": [*ids]}, **PRESENT}, projection={"_id": True}
        )
        return ids - {document["_id"] async for document in cursor}

    async def _take_all(
        self, wanted: Sequence[tuple[_Named, int]]
    ) -> list[Places | ConnectionNotFoundError]:
        """Take places for several callers, with one write for each connection."""
        counts: Counter[_Named] = Counter()
        for named, count in wanted:
            counts[named] += count
        taken = await asyncio.gather(
            *(self._take(named.filter, count) for named, count in counts.items())
        )
        rows = dict(zip(counts, taken, strict=True))
        given: list[Places | ConnectionNotFoundError] = []
        for named, count in wanted:
            row = rows[named]
            given.append(row or ConnectionNotFoundError(named.connection_id))
            if row:
                rows[named] = replace(row, first=row.first + count)
        return given

    async def _take(self, which: dict[str, Any], count: int) -> Places | None:
        document: dict[str, Any] | None = await self._unjournaled.find_one_and_update(
            {**which, **PRESENT},
            {"$inc": {"nextSeq": count}},
            projection={**FIELDS, "nextSeq": True, "now": "$$NOW"},
        )
        if document is None:
            return None
        connection = Connection.model_validate(document)
        return Places(connection, int(document["nextSeq"]), document["now"])
