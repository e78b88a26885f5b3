"""Find messages, newest first, page by page: one index serves each search, in its order."""

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
    """A status in second place lets all of them be wanted at once, merged in the order of time."""
    return [*((name, ASCENDING) for name in names), ("status", ASCENDING), ("_id", DESCENDING)]


_BY_RECIPIENT, _BY_CONNECTION, _BY_OWNER, _BY_STATUS = (
    _index("to"),
    _index("connection"),
    _index("owner"),
    _index(),
)
SEARCH_INDEXES: Sequence[Index] = (_BY_RECIPIENT, _BY_CONNECTION, _BY_OWNER, _BY_STATUS)
"""What searches need; the outbox creates them with its own."""


@dataclass(frozen=True)
class MessageFilter:
    """Which messages are looked for; None and nothing mean all.

    `since` and `until` are about when a message was accepted, which its id tells; `until` itself
    is not included. `to` is the WhatsApp id of a chat.
    """

    owner: str | None = None
    connection: str | None = None
    connections: frozenset[str] | None = None
    """The only connections that may be seen, next to `connection`."""
    statuses: Sequence[MessageStatus] = ()
    to: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def index(self) -> Index:
        """The index that narrows the search most."""
        if self.to is not None:
            return _BY_RECIPIENT
        if self.connection is not None:
            return _BY_CONNECTION
        return _BY_OWNER if self.owner is not None else _BY_STATUS

    def to_query(self, before: str | None) -> dict[str, Any]:
        """Return the query for what is older than the message with the id `before`."""
        # The statuses are named even when all are wanted, so that every index begins alike.
        query: dict[str, Any] = {"status": {"$in": list(self.statuses or MessageStatus)}}
        for name in ("owner", "connection", "to"):
            if (value := getattr(self, name)) is not None:
                query[name] = {"$eq": value}
        if self.connections is not None:
            query.setdefault("connection", {})["$in"] = sorted(self.connections)
        place = {"$gte": first_id(self.since)} if self.since else {}
        ends = [first_id(self.until)] if self.until else []
        ends += [before] if before else []
        if ends:
            place["$lt"] = min(ends)
        return query | ({"_id": place} if place else {})


class MessageSearch:
    """Searches the outbox by the indexes it names itself: no planner guesses."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["messages"]

    async def page(
        self, wanted: MessageFilter, before: str | None, limit: int
    ) -> tuple[list[Message], str | None]:
        """Return messages, newest first, and where the next page begins if there is one."""
        cursor = self._collection.find(
            wanted.to_query(before), sort=[("_id", DESCENDING)], limit=limit + 1
        ).hint(wanted.index)
        found = [Message.model_validate(document) async for document in cursor]
        page = found[:limit]
        return page, page[-1].id if len(found) > limit else None
