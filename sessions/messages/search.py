"""Find messages, newest first, page by page; each search reads one index in its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING

from sessions.common.ids import first_id
from sessions.messages.model import Message, MessageStatus

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

Index = list[tuple[str, int]]


def _index(*names: str) -> Index:
    """Return an index that finds messages of several statuses, in the order of time."""
    return [*((name, ASCENDING) for name in names), ("status", ASCENDING), ("_id", DESCENDING)]


_BY_RECIPIENT, _BY_CONNECTION, _BY_OWNER, _BY_STATUS = (
    _index("to"),
    _index("connection"),
    _index("owner"),
    _index(),
)
BY_REFERENCE = _index("reference")
"""Partial: few messages have a reference."""
_BY_ID: Index = [("_id", ASCENDING)]
SEARCH_INDEXES: Sequence[Index] = (_BY_RECIPIENT, _BY_CONNECTION, _BY_OWNER, _BY_STATUS)
"""The indexes for searches; `indexes.py` creates them."""


@dataclass(frozen=True)
class MessageFilter:
    """Which messages to find; None or an empty value means all.

    `since` and `until` (exclusive) compare when a message was accepted, which its id contains.
    `to` is the WhatsApp id of a chat.
    """

    owner: str | None = None
    connection: str | None = None
    connections: frozenset[str] | None = None
    """If set, only these connections may be seen."""
    statuses: Sequence[MessageStatus] = ()
    to: str | None = None
    reference: str | None = None
    ids: Sequence[str] | None = None
    """If set, only these messages."""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def index(self) -> Index:
        """The most selective index."""
        if self.ids is not None:
            return _BY_ID
        if self.reference is not None:
            return BY_REFERENCE
        if self.to is not None:
            return _BY_RECIPIENT
        if self.connection is not None:
            return _BY_CONNECTION
        return _BY_OWNER if self.owner is not None else _BY_STATUS

    def to_query(self, before: str | None) -> dict[str, Any]:
        """Return the query for messages older than the one with the id `before`."""
        # Statuses are always listed, even all of them, so that the index can be used.
        query: dict[str, Any] = {"status": {"$in": list(self.statuses or MessageStatus)}}
        for name in ("owner", "connection", "to", "reference"):
            if (value := getattr(self, name)) is not None:
                query[name] = {"$eq": value}
        if self.connections is not None:
            query.setdefault("connection", {})["$in"] = sorted(self.connections)
        place: dict[str, Any] = {"$gte": first_id(self.since)} if self.since else {}
        if self.ids is not None:
            place["$in"] = list(self.ids)
        ends = [first_id(self.until)] if self.until else []
        ends += [before] if before else []
        if ends:
            place["$lt"] = min(ends)
        return query | ({"_id": place} if place else {})


class MessageSearch:
    """Search the outbox with an explicit index (`hint`), not one chosen by MongoDB's planner."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["messages"]

    async def page(
        self, wanted: MessageFilter, before: str | None, limit: int
    ) -> tuple[list[Message], str | None]:
        """Return messages, newest first, and the cursor of the next page if there is one."""
        cursor = self._collection.find(
            wanted.to_query(before), sort=[("_id", DESCENDING)], limit=limit + 1
        ).hint(wanted.index)
        found = [Message.model_validate(document) async for document in cursor]
        page = found[:limit]
        return page, page[-1].id if len(found) > limit else None
