"""Connection records in MongoDB: what an admin made, and what its owner reports of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument, WriteConcern
from pymongo.errors import DuplicateKeyError

from sessions.common.errors import ConnectionExistsError, ConnectionNotFoundError, LeaseLostError
from sessions.common.ids import new_id
from sessions.connections.events import observed_event, publish_state, qr_event
from sessions.connections.leases import UNOWNED
from sessions.connections.model import Connection, Desired, Held, Proxy, QrCode
from sessions.connections.moves import WITHOUT_PAIRING_CODE, becomes
from sessions.connections.pacing import Pacing
from sessions.connections.states import (
    HOLDS_LOGIN,
    REVOKED,
    ConnectionState,
    Reason,
    check_move,
    needs_a_worker,
)
from sessions.events.log import EventLog
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database


@dataclass(frozen=True)
class Places:
    """Places in the order of a connection's messages: from the `first` on.

    They were taken `at` that time by MongoDB's clock, whoever took them: so a later place is never
    due before an earlier one.
    """

    connection: Connection
    first: int
    at: datetime


@dataclass(frozen=True)
class _Named:
    """A connection by its owner's word for it, if its own id is one of `only` (None: any)."""

    owner: str
    connection_id: str
    only: frozenset[str] | None

    @property
    def filter(self) -> dict[str, Any]:
        ids = {} if self.only is None else {"_id": {"$in": sorted(self.only)}}
        return {"owner": {"$eq": self.owner}, "connectionId": {"$eq": self.connection_id}, **ids}


_RESTING = [str(state) for state in ConnectionState if not needs_a_worker(state)]
_PRESENT: dict[str, Any] = {"deletedAt": None}
"""The filter for connections that are not being deleted."""
HAS_LOGIN = {"$ifNull": ["$linked", {"$gt": ["$linkedNumber", None]}]}
"""The expression for connections whose phone may list them: linked, and not logged out since."""
_READ = {"leased": {"$gt": ["$lease.expiresAt", "$$NOW"]}, "readAt": "$$NOW"}
"""What is not stored, but true when a connection is read."""
_WITH_LEASED = {"$addFields": _READ}
_FIELDS = {field.alias or name: True for name, field in Connection.model_fields.items()} | _READ
"""The projection that reads a connection where no pipeline can."""


class ConnectionStore:
    """Create, read and move connection records, and tell each change of a state."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self._collection: Collection = database["connections"]
        self._events = events
        self._find = BatchedLookup(self._find_all)
        # A place that MongoDB forgets in a crash is as good as none: the message that has it is
        # written later and durably, and so is forgotten with it or not at all.
        self._at_once = self._collection.with_options(write_concern=WriteConcern(w=1, j=False))
        self._take_places = BatchedLookup(self._take_all)

    async def prepare(self) -> None:
        """Create the indexes; safe to repeat and to race."""
        await self._collection.create_index([("owner", 1), ("connectionId", 1)], unique=True)
        await self._collection.create_index([("desired", 1), ("lease.expiresAt", 1)])

    async def create(
        self,
        owner: str,
        connection_id: str,
        name: str,
        phone_number: str | None,
        now: datetime,
        proxy: Proxy | None = None,
        pacing: Pacing | None = None,
        internal_id: str | None = None,
    ) -> Connection:
        """Store a new connection that wants to run; raise ConnectionExistsError on a known id."""
        document = {
            "_id": internal_id or new_id(),
            "owner": owner,
            "connectionId": connection_id,
            "name": name,
            "phoneNumber": phone_number,
            "desired": "running",
            "state": ConnectionState.STARTING,
            "reason": Reason.WAITING_FOR_WORKER,
            "since": now,
            "generation": 0,
            "lease": None,
            "qr": None,
            "proxy": proxy.to_document() if proxy else None,
            "pacing": (pacing or Pacing()).model_dump(by_alias=True),
            "nextSeq": 0,
            "createdAt": now,
        }
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError as error:
            raise ConnectionExistsError(connection_id) from error
        publish_state(self._events, document)
        return Connection.model_validate(document)

    async def find(self, owner: str, connection_id: str) -> Connection:
        """Return the owner's connection or raise ConnectionNotFoundError."""
        return await self._find((owner, connection_id))

    async def get(self, internal_id: str, *, deleted_too: bool = False) -> Connection:
        """Return the connection with our own id, on request one that is being deleted too.

        Raises ConnectionNotFoundError.
        """
        found = await self._aggregate({"_id": internal_id} | ({} if deleted_too else _PRESENT))
        if not found:
            raise ConnectionNotFoundError(internal_id)
        return found[0]

    async def by_ids(self, internal_ids: Iterable[str]) -> dict[str, Connection]:
        """Return the connections with our own ids, by id.

        Those that are gone, or are being deleted, are left out.
        """
        cursor = self._collection.aggregate(
            [{"$match": {"_id": {"$in": [*internal_ids]}, **_PRESENT}}, _WITH_LEASED]
        )
        found = [Connection.model_validate(document) async for document in cursor]
        return {each.id: each for each in found}

    async def of_owner(self, owner: str | None) -> list[Connection]:
        """Return all connections of an owner, or of everybody, oldest first."""
        return await self._aggregate(_PRESENT | ({} if owner is None else {"owner": owner}))

    async def count(self, owner: str) -> int:
        """Count the connections of an owner."""
        return await self._collection.count_documents({"owner": {"$eq": owner}, **_PRESENT})

    async def want(self, connection: Connection, desired: Desired) -> Connection:
        """Ask for the connection to run or to stop; return it as it is then.

        One that no worker has moves at once. Starting a logged-out one forgets its number, so
        that the QR code it shows next is taken for a new link.
        """
        starts = desired == "running"
        rests: dict[str, Any] = {"$in": ["$state", _RESTING]} if starts else UNOWNED
        to = ConnectionState.STARTING if starts else ConnectionState.STOPPED
        reason = Reason.WAITING_FOR_WORKER if starts else None
        forgets = {"$eq": ["$state", ConnectionState.LOGGED_OUT]} if starts else False
        changes = {
            "desired": desired,
            "linkedNumber": {"$cond": [forgets, None, "$linkedNumber"]},
            **becomes(to, reason, where=rests),
            # A dead worker's lease would make the new state look as dead as its own.
            "lease": {"$cond": [{"$and": [rests, UNOWNED]}, None, "$lease"]},
        }
        before = await self._collection.find_one_and_update(
            {"_id": connection.id}, [{"$set": changes}]
        )
        after = await self.get(connection.id)
        if before and (before["state"], before["reason"]) != (after.state, after.reason):
            self._events.publish(observed_event(after))
        return after

    async def present(self, internal_ids: Iterable[str]) -> set[str]:
        """Return those of these connections that are there and not being deleted."""
        ids = {"$in": [*internal_ids]}
        cursor = self._collection.find({"_id": ids, **_PRESENT}, projection={"_id": True})
        return {document["_id"] async for document in cursor}

    async def take_places(
        self, owner: str, connection_id: str, count: int, only: frozenset[str] | None = None
    ) -> Places:
        """Take the next places in the order of messages of the owner's connection.

        Those who ask together share the write. Raises ConnectionNotFoundError, also where its own
        id is not one of `only`.
        """
        return await self._take_places((_Named(owner, connection_id, only), count))

    async def next_place(self, internal_id: str, count: int = 1) -> int:
        """Take the next places in the connection's order of messages; return the first.

        Raises ConnectionNotFoundError, for a connection that is being deleted too.
        """
        places = await self._take({"_id": internal_id}, count)
        if places is None:
            raise ConnectionNotFoundError(internal_id)
        return places.first

    async def _take_all(
        self, wanted: Sequence[tuple[_Named, int]]
    ) -> list[Places | ConnectionNotFoundError]:
        """Take places for several, with one write for each connection."""
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
        document: dict[str, Any] | None = await self._at_once.find_one_and_update(
            {**which, **_PRESENT},
            {"$inc": {"nextSeq": count}},
            projection={**_FIELDS, "nextSeq": True, "now": "$$NOW"},
        )
        if document is None:
            return None
        connection = Connection.model_validate(document)
        return Places(connection, int(document["nextSeq"]), document["now"])

    async def move(
        self,
        lease: Lease,
        current: ConnectionState,
        to: ConnectionState,
        reason: Reason | None,
        linked_number: str | None = None,
        *,
        until: datetime | None = None,
        rests: bool = False,
        or_from: AbstractSet[ConnectionState] = frozenset(),
    ) -> None:
        """Move to a state under the lease; raise IllegalMoveError or LeaseLostError.

        The record may be at this state already, or at one of `or_from`, of which it is not known
        whether MongoDB has taken them.

        With `rests` no worker is wanted any more, in the same write: a start that comes after it
        counts. Once a login is revoked none of before may be used, on whatever disk it is.
        `until` is when the state ends, where that is known.
        """
        check_move(current, to)
        changes = becomes(to, reason, until=until, anew=False, unreported=or_from)
        if rests:
            changes["desired"] = "stopped"
        if reason in REVOKED:
            changes["forgottenGeneration"] = lease.generation
        if reason is Reason.QR_IDLE:
            changes["qr"] = None
        if to in HOLDS_LOGIN or to is ConnectionState.LOGGED_OUT:
            changes["linked"] = to in HOLDS_LOGIN
        if linked_number is not None:
            number = {"$literal": linked_number}
            again = {"$eq": ["$linkedNumber", number]}
            logins = {"$ifNull": ["$logins", 0]}
            changes["linkedNumber"] = number
            # A pause is the account's that WhatsApp has refused, and not of one linked later.
            same = {"$eq": [{"$ifNull": ["$paused.number", number]}, number]}
            changes["paused"] = {"$cond": [same, {"$ifNull": ["$paused", None]}, None]}
            changes["logins"] = {"$cond": [again, logins, {"$add": [logins, 1]}]}
        moved = await self._write(
            lease, [{"$set": changes}], {"state": {"$in": [current, to, *or_from]}}
        )
        publish_state(self._events, moved)

    async def show_qr(self, lease: Lease, qr: QrCode | None) -> None:
        """Publish the QR code that the page shows now, or none; raise LeaseLostError."""
        document = qr.model_dump(by_alias=True) if qr else None
        shown = await self._write(lease, [{"$set": {"qr": {"$literal": document}}}], {})
        if qr is not None:
            self._events.publish(qr_event(shown["owner"], shown["_id"], shown["connectionId"], qr))

    async def note_page(self, lease: Lease, version: str | None, manifest: str | None) -> None:
        """Record which WhatsApp Web the page is that has loaded; raise LeaseLostError."""
        page = {"version": version, "manifest": manifest}
        changes = {"page": {"$mergeObjects": [{"$literal": page}, {"loadedAt": "$$NOW"}]}}
        await self._write(lease, [{"$set": changes}], {})

    async def hold(self, lease: Lease, until: datetime | None, reason: str | None) -> None:
        """Publish until when nothing is sent and why, for those who wait; raise LeaseLostError."""
        held = {"until": until, "reason": reason} if until else None
        await self._write(lease, [{"$set": {"held": {"$literal": held}}}], {})

    async def pause(self, lease: Lease, until: datetime, reason: str) -> None:
        """Keep the whole connection from sending until a time; raise LeaseLostError.

        One for the same reason gives way to this one; of those for another the longer stays. It
        ends with the linking of another number.
        """
        paused = {"until": until, "reason": {"$literal": reason}, "number": "$linkedNumber"}
        other = {"$ne": ["$paused.reason", {"$literal": reason}]}
        stays = {"$and": [other, {"$gt": ["$paused.until", until]}]}
        await self._write(lease, [{"$set": {"paused": {"$cond": [stays, "$paused", paused]}}}], {})

    async def end_pause(self, lease: Lease, reason: str) -> bool:
        """End the pause of the whole connection, if it is for this reason; tell whether it was."""
        ended = await self._collection.update_one(
            {**lease.fence(), "paused.reason": reason}, {"$set": {"paused": None}}
        )
        return ended.modified_count > 0

    async def pace_of(self, internal_id: str) -> tuple[Pacing, Held | None]:
        """Return the limits as they are now, and a pause that WhatsApp's refusals have brought."""
        document = await self._collection.find_one(
            {"_id": internal_id}, projection={"pacing": True, "paused": True}
        )
        paused = (document or {}).get("paused")
        pacing = Pacing.model_validate((document or {}).get("pacing") or {})
        return pacing, Held.model_validate(paused) if paused else None

    async def change(self, connection: Connection, changes: Mapping[str, Any]) -> Connection:
        """Change what its owner may change, by field: `pacing.perMinute` is one."""
        await self._collection.update_one({"_id": connection.id}, {"$set": dict(changes)})
        return await self.get(connection.id)

    async def revoke_links(self, connection: Connection) -> None:
        """Make every link that links a phone to this connection useless, if it is not yet."""
        await self._collection.update_one(
            {"_id": connection.id}, {"$inc": {"linksRevoked": 1}, "$unset": {"linkShownAt": True}}
        )

    async def announce_lost(self) -> None:
        """Tell what became of connections whose worker has died: each once, over all processes."""
        dead = {"$and": ["$lease", {"$lte": ["$lease.expiresAt", "$$NOW"]}]}
        unannounced: dict[str, Any] = {
            "deletedAt": None,
            "state": {"$nin": _RESTING},
            "lease.announced": {"$ne": True},
            "$expr": dead,
        }
        # A part of the lease: the next one begins without it.
        while document := await self._collection.find_one_and_update(
            unannounced,
            [{"$set": {"lease": {"announced": True}, "qr": None, "pairing": WITHOUT_PAIRING_CODE}}],
            return_document=ReturnDocument.AFTER,
        ):
            self._events.publish(observed_event(Connection.model_validate(document)))

    async def forget_expired_codes(self) -> None:
        """Remove QR and pairing codes that have run out: nobody takes them for what they were."""
        for field, without in (("qr", None), ("pairing", WITHOUT_PAIRING_CODE)):
            run_out = {"$and": [f"${field}.expiresAt", {"$lte": [f"${field}.expiresAt", "$$NOW"]}]}
            await self._collection.update_many({"$expr": run_out}, [{"$set": {field: without}}])

    async def _write(
        self, lease: Lease, pipeline: list[dict[str, Any]], also: Mapping[str, Any]
    ) -> dict[str, Any]:
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            {**lease.fence(), **also}, pipeline, return_document=ReturnDocument.AFTER
        )
        if document is None:
            raise LeaseLostError(f"Generation {lease.generation} no longer owns this connection.")
        return document

    async def _find_all(
        self, names: Sequence[tuple[str, str]]
    ) -> list[Connection | ConnectionNotFoundError]:
        """Find connections by their owners and their owners' words for them."""
        pairs = [
            {"owner": {"$eq": owner}, "connectionId": {"$eq": connection_id}}
            for owner, connection_id in dict.fromkeys(names)
        ]
        cursor = self._collection.aggregate([{"$match": {"$or": pairs, **_PRESENT}}, _WITH_LEASED])
        records = [Connection.model_validate(document) async for document in cursor]
        found = {(each.owner, each.connection_id): each for each in records}
        return [found.get(name) or ConnectionNotFoundError(name[1]) for name in names]

    async def _aggregate(self, match: Mapping[str, Any]) -> list[Connection]:
        # A value from a request is matched with $eq, so that it can never be an operator.
        exact = {field: {"$eq": value} for field, value in match.items()}
        cursor = self._collection.aggregate(
            [{"$match": exact}, {"$sort": {"createdAt": 1}}, _WITH_LEASED]
        )
        return [Connection.model_validate(document) async for document in cursor]
