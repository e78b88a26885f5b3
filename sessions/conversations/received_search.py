"""Find received messages, newest first, page by page; each search reads one index in its order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING

from sessions.conversations.changes import PRESENT
from sessions.conversations.model import COLLECTION, ReceivedMessage
from sessions.conversations.sides import Place

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

Index = list[tuple[str, int]]
_OLDEST = datetime.min.replace(tzinfo=UTC)
_LATEST: Index = [("at", DESCENDING), ("_id", DESCENDING)]
_BY_CONNECTION: Index = [("connection", ASCENDING), *_LATEST]
_BY_OWNER: Index = [("owner", ASCENDING), *_LATEST]


@dataclass(frozen=True)
class ReceivedFilter:
    """Which received messages to find; None means all.

    `since` and `until` (exclusive) compare WhatsApp's times of the messages.
    """

    owner: str | None = None
    connection: str | None = None
    connections: frozenset[str] | None = None
    """If set, only these connections may be seen."""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def index(self) -> Index:
        """The most selective index."""
        if self.connection is not None:
            return _BY_CONNECTION
        return _BY_OWNER if self.owner is not None else _LATEST

    def to_query(self, before: Place | None) -> dict[str, Any]:
        """Return the query for the messages behind a place."""
        query: dict[str, Any] = {**PRESENT}
        for name in ("owner", "connection"):
            if (value := getattr(self, name)) is not None:
                query[name] = {"$eq": value}
        if self.connections is not None:
            query.setdefault("connection", {})["$in"] = sorted(self.connections)
        # Of erased messages something is kept, without a time.
        at = {"$gte": self.since or _OLDEST}
        at |= {"$lt": self.until} if self.until else {}
        if before is not None:
            at["$lte"] = before.at
            query["$nor"] = [{"at": before.at, "_id": {"$gte": before.name}}]
        return {**query, "at": at}


class ReceivedSearch:
    """Search with an explicit index (`hint`), not one chosen by MongoDB's planner."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database[COLLECTION]

    async def prepare(self) -> None:
        """Create the index for searches of administrators; safe to repeat and to race."""
        await self._collection.create_index(_LATEST)

    async def page(
        self, wanted: ReceivedFilter, before: Place | None, limit: int
    ) -> tuple[list[ReceivedMessage], Place | None]:
        """Return messages, newest first, and the place of the last one if there are more."""
        cursor = self._collection.find(
            wanted.to_query(before), sort=_LATEST, limit=limit + 1, hint=wanted.index
        )
        found = [ReceivedMessage.model_validate(document) async for document in cursor]
        page = found[:limit]
        return page, Place(page[-1].at, page[-1].id) if len(found) > limit else None
