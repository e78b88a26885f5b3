"""Take pending events out of their documents, and hand them to what delivers them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from loguru import logger
from pymongo import ASCENDING, UpdateOne, WriteConcern

from sessions.outgoing_events.families import Family, OutgoingEvent
from sessions.outgoing_events.pending import FIELD, HAS_PENDING, PendingEvent, pending_in, without

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_AT_ONCE = 500
"""How many documents of each family one pass reads."""
_FAMILY = "family"


class Sink(Protocol):
    """Who takes the events: durably, and once for each event's id however often it gets it."""

    async def owners(self) -> AbstractSet[str]:
        """Return whose events are wanted: those of others are not even built."""

    async def take(self, events: Sequence[OutgoingEvent]) -> None:
        """Store events, which are in order."""

    async def forget(self, events: Sequence[str]) -> None:
        """Remove the events with these ids again: what they tell of was erased meanwhile."""


@dataclass
class _Told:
    """What one pass takes: the events, and the last number of each document."""

    events: list[OutgoingEvent] = field(default_factory=list)
    last: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    entries: int = 0


class Relay:
    """Hand pending events on, in order, in passes.

    An entry is removed after its event was stored. A crash between the two repeats the event, with
    the same id; so no event is lost, and the sink sees to it that none is stored twice. One process
    at a time should do this, for the sake of the order.
    """

    def __init__(self, database: Database, families: Sequence[Family], sink: Sink) -> None:
        self._families = {each.collection: each for each in families}
        self._sink = sink
        # If MongoDB forgets that an entry was removed, its event is repeated.
        self._collections: Mapping[str, Collection] = {
            name: database[name].with_options(write_concern=WriteConcern(w=1, j=False))
            for name in self._families
        }
        self._unreadable: set[str] = set()
        self.is_heard = True
        """Whether anybody wanted events when some were last taken."""
        self.may_have_more = False
        """Whether the last pass read as much as it may of a family."""

    async def prepare(self) -> None:
        """Create the indexes by which documents with entries are found; safe to repeat."""
        for collection in self._collections.values():
            await collection.create_index(
                [(f"{FIELD}.at", ASCENDING)], partialFilterExpression=HAS_PENDING
            )

    async def pass_on(self) -> int:
        """Hand the oldest events on; return how many entries went. Raises STORE_DOWN errors."""
        documents = await self._read()
        read = Counter(each[_FAMILY] for each in documents)
        self.may_have_more = _AT_ONCE in read.values()
        if not documents:
            return 0
        # Asked afterwards: whoever wants events by now gets all that came later than that.
        owners = await self._sink.owners()
        self.is_heard = bool(owners)
        told = self._told(documents, owners)
        told.events.sort(key=lambda event: event.order)
        if told.events:
            await self._sink.take(told.events)
        for collection, last in told.last.items():
            done = await self._collections[collection].bulk_write(
                [UpdateOne({"_id": each}, without(n)) for each, n in last.items()], ordered=False
            )
            if done.modified_count < len(last):
                await self._forget_erased(collection, last, told.events)
        return told.entries

    async def _forget_erased(
        self, collection: str, last: Mapping[str, int], events: Sequence[OutgoingEvent]
    ) -> None:
        """Remove what we have stored of documents that were erased between our read and now.

        Whoever erases a person removes the documents first, then what is stored for webhooks.
        """
        standing = {"_id": {"$in": [*last]}, "erased": {"$ne": True}}
        found = self._collections[collection].find(standing, {"_id": True})
        gone = {*last} - {each["_id"] async for each in found}
        # Without chats they name nobody: the record of a connection moves when it is deleted.
        named = [each.id for each in events if each.chats and each.id.rpartition(".")[0] in gone]
        if named:
            await self._sink.forget(named)

    def look_again(self) -> None:
        """Try the documents again whose events could not be built."""
        self._unreadable.clear()

    async def _read(self) -> list[dict[str, Any]]:
        """Return the documents of all families whose entries are oldest, with one query."""
        first, *others = self._families.values()
        unions = [
            {"$unionWith": {"coll": each.collection, "pipeline": self._wanted(each)}}
            for each in others
        ]
        cursor = self._collections[first.collection].aggregate([*self._wanted(first), *unions])
        return [document async for document in cursor]

    def _wanted(self, family: Family) -> list[dict[str, Any]]:
        fields = {name: f"${name}" for name in (*family.fields, FIELD)}
        return [
            {"$match": {**HAS_PENDING, "_id": {"$nin": sorted(self._unreadable)}}},
            {"$sort": {f"{FIELD}.at": ASCENDING}},
            {"$limit": _AT_ONCE},
            {"$project": {**fields, _FAMILY: {"$literal": family.collection}}},
        ]

    def _told(self, documents: Sequence[Mapping[str, Any]], owners: AbstractSet[str]) -> _Told:
        told, until = _Told(), self._complete_until(documents)
        for document in documents:
            entries = pending_in(document)
            if not entries:  # an erasure has emptied the array
                told.last[document[_FAMILY]][document["_id"]] = 0
            for entry in entries:
                if until is not None and entry.at > until:
                    break
                try:
                    told.events += self._event(document, entry, owners)
                except Exception as error:  # noqa: BLE001  one document must not stop the others
                    self._leave(document, error)
                    break
                told.entries += 1
                told.last[document[_FAMILY]][document["_id"]] = entry.n
        return told

    def _event(
        self, document: Mapping[str, Any], entry: PendingEvent, owners: AbstractSet[str]
    ) -> list[OutgoingEvent]:
        if entry.facts.get("owner", document.get("owner")) not in owners:
            return []
        event = self._families[document[_FAMILY]].tell(document, entry)
        return [] if event is None else [event]

    def _complete_until(self, documents: Sequence[Mapping[str, Any]]) -> datetime | None:
        """Return until when no event is missing: a family may have more than one pass reads."""
        ends = []
        for name in self._families:
            read = [each for each in documents if each[_FAMILY] == name]
            if len(read) == _AT_ONCE:
                ends += [entry.at for entry in pending_in(read[-1])[:1]]
        return min(ends, default=None)

    def _leave(self, document: Mapping[str, Any], error: Exception) -> None:
        self._unreadable.add(document["_id"])
        logger.error(
            "Webhooks are not told of {} in {} yet: {}",
            document["_id"],
            document[_FAMILY],
            type(error).__name__,
        )
