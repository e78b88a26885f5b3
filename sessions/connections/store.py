"""Connection records in MongoDB: what their owners set, and what their workers report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from sessions.common.errors import ConnectionExistsError, ConnectionNotFoundError, LeaseLostError
from sessions.common.ids import new_id
from sessions.connections.events import observed_event, publish_state, qr_event
from sessions.connections.leases import NO_WORKER
from sessions.connections.model import Connection, Desired, Held, Proxy, QrCode
from sessions.connections.moves import WHOSE, WITHOUT_PAIRING_CODE, becomes, tells_state
from sessions.connections.pacing import Pacing
from sessions.connections.states import (
    HOLDS_LOGIN,
    REVOKED,
    ConnectionState,
    Reason,
    check_move,
    needs_a_worker,
)
from sessions.events.log import EventLog, EventType
from sessions.outgoing_events.pending import adds, first
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database


_RESTING = [str(state) for state in ConnectionState if not needs_a_worker(state)]
PRESENT: dict[str, Any] = {"deletedAt": None}
"""The filter for connections that are not being deleted."""
HAS_LOGIN = {"$ifNull": ["$linked", {"$gt": ["$linkedNumber", None]}]}
"""The expression for connections that are linked to a phone and not logged out since."""
_READ = {"leased": {"$gt": ["$lease.expiresAt", "$$NOW"]}, "readAt": "$$NOW"}
"""Fields that are not stored but computed when a connection is read."""
_WITH_LEASED = {"$addFields": _READ}
_NO_CODES = {"qr": None, "pairing": WITHOUT_PAIRING_CODE}
_STOPS = {"$eq": ["$desired", "stopped"]}
_TELLS_LOST = tells_state(
    {"$cond": [_STOPS, ConnectionState.STOPPED, ConnectionState.DISCONNECTED]},
    {"$cond": [_STOPS, None, Reason.WORKER_LOST]},
    {"$cond": [_STOPS, "$since", "$lease.expiresAt"]},
)
"""Adds the event of what `Connection.observed` returns when the lease has expired."""
FIELDS = {field.alias or name: True for name, field in Connection.model_fields.items()} | _READ
"""The projection that reads a connection without an aggregation."""


class ConnectionStore:
    """Create, read and update connection records, and publish each change of a state."""

    def __init__(self, database: Database, events: EventLog) -> None:
        self._collection: Collection = database["connections"]
        self._events = events
        self._find = BatchedLookup(self._find_all)

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
        """Store a new connection that is to run; raise ConnectionExistsError if its id is taken."""
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
            **_first_state(owner, connection_id, now),
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
        """Return the connection with this id of ours; raise ConnectionNotFoundError.

        `deleted_too` includes connections that are being deleted.
        """
        found = await self._aggregate({"_id": internal_id} | ({} if deleted_too else PRESENT))
        if not found:
            raise ConnectionNotFoundError(internal_id)
        return found[0]

    async def by_ids(self, internal_ids: Iterable[str]) -> dict[str, Connection]:
        """Return the connections with these ids of ours, by id.

        Connections that do not exist, or are being deleted, are left out.
        """
        cursor = self._collection.aggregate(
            [{"$match": {"_id": {"$in": [*internal_ids]}, **PRESENT}}, _WITH_LEASED]
        )
        found = [Connection.model_validate(document) async for document in cursor]
        return {each.id: each for each in found}

    async def of_owner(self, owner: str | None) -> list[Connection]:
        """Return all connections of an owner, or of all owners for None, oldest first."""
        return await self._aggregate(PRESENT | ({} if owner is None else {"owner": owner}))

    async def count(self, owner: str) -> int:
        """Count the connections of an owner."""
        return await self._collection.count_documents({"owner": {"$eq": owner}, **PRESENT})

    async def want(self, connection: Connection, desired: Desired) -> Connection:
        """Ask for the connection to run or to stop; return the updated connection.

        A connection without a worker changes its state at once. Starting a logged-out connection
        clears its number, so that the next scan counts as a new link.
        """
        starts = desired == "running"
        rests: dict[str, Any] = {"$in": ["$state", _RESTING]} if starts else NO_WORKER
        to = ConnectionState.STARTING if starts else ConnectionState.STOPPED
        reason = Reason.WAITING_FOR_WORKER if starts else None
        forgets = {"$eq": ["$state", ConnectionState.LOGGED_OUT]} if starts else False
        changes = {
            "desired": desired,
            "linkedNumber": {"$cond": [forgets, None, "$linkedNumber"]},
            **becomes(to, reason, where=rests),
            # With an expired lease, the new state would be shown as worker_lost.
            "lease": {"$cond": [{"$and": [rests, NO_WORKER]}, None, "$lease"]},
        }
        before = await self._collection.find_one_and_update(
            {"_id": connection.id}, [{"$set": changes}]
        )
        after = await self.get(connection.id)
        if before and (before["state"], before["reason"]) != (after.state, after.reason):
            self._events.publish(observed_event(after))
        return after

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

        The record may be in `to` already, or in one of `or_from`: states whose writes failed, so
        that nobody knows whether MongoDB stored them.

        `rests` also asks for the connection to stop, in the same write, so that a start that comes
        later is not overwritten. A reason in REVOKED forbids the use of all older logins. `until`
        is when the state ends, if that is known.
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
            changes |= _linked_to(linked_number)
        moved = await self._write(
            lease, [{"$set": changes}], {"state": {"$in": [current, to, *or_from]}}
        )
        publish_state(self._events, moved)

    async def show_qr(self, lease: Lease, qr: QrCode | None) -> None:
        """Store and publish the QR code that the page shows, or none; raise LeaseLostError."""
        document = qr.model_dump(by_alias=True) if qr else None
        told = _tells_qr(qr) if qr else {}
        shown = await self._write(lease, [{"$set": {**told, "qr": {"$literal": document}}}], {})
        if qr is not None:
            self._events.publish(qr_event(shown["owner"], shown["_id"], shown["connectionId"], qr))

    async def note_page(self, lease: Lease, version: str | None, manifest: str | None) -> None:
        """Record which version of WhatsApp Web the page has loaded; raise LeaseLostError."""
        page = {"version": version, "manifest": manifest}
        changes = {"page": {"$mergeObjects": [{"$literal": page}, {"loadedAt": "$$NOW"}]}}
        await self._write(lease, [{"$set": changes}], {})

    async def hold(self, lease: Lease, until: datetime | None, reason: str | None) -> None:
        """Record until when nothing is sent and why, for the API to show; raise LeaseLostError."""
        held = {"until": until, "reason": reason} if until else None
        await self._write(lease, [{"$set": {"held": {"$literal": held}}}], {})

    async def pause(self, lease: Lease, until: datetime, reason: str) -> None:
        """Pause all sending of the connection until a time; raise LeaseLostError.

        This replaces a pause for the same reason; of two pauses for different reasons the longer
        one is kept. Linking another number ends the pause.
        """
        paused = {"until": until, "reason": {"$literal": reason}, "number": "$linkedNumber"}
        other = {"$ne": ["$paused.reason", {"$literal": reason}]}
        stays = {"$and": [other, {"$gt": ["$paused.until", until]}]}
        await self._write(lease, [{"$set": {"paused": {"$cond": [stays, "$paused", paused]}}}], {})

    async def end_pause(self, lease: Lease, reason: str) -> bool:
        """End the connection's pause if it is for this reason; tell whether it was."""
        ended = await self._collection.update_one(
            {**lease.fence(), "paused.reason": reason}, {"$set": {"paused": None}}
        )
        return ended.modified_count > 0

    async def pace_of(self, internal_id: str) -> tuple[Pacing, Held | None]:
        """Return the current limits, and the pause after WhatsApp's refusals, if there is one."""
        document = await self._collection.find_one(
            {"_id": internal_id}, projection={"pacing": True, "paused": True}
        )
        paused = (document or {}).get("paused")
        pacing = Pacing.model_validate((document or {}).get("pacing") or {})
        return pacing, Held.model_validate(paused) if paused else None

    async def change(self, connection: Connection, changes: Mapping[str, Any]) -> Connection:
        """Set fields that the owner may change, by their path in MongoDB (`pacing.perMinute`)."""
        await self._collection.update_one({"_id": connection.id}, {"$set": dict(changes)})
        return await self.get(connection.id)

    async def revoke_links(self, connection: Connection) -> None:
        """Revoke every signed link to this connection."""
        await self._collection.update_one(
            {"_id": connection.id}, {"$inc": {"linksRevoked": 1}, "$unset": {"linkShownAt": True}}
        )

    async def announce_lost(self) -> None:
        """Publish worker_lost for connections whose lease expired: once each, in one process."""
        dead = {"$and": ["$lease", {"$lte": ["$lease.expiresAt", "$$NOW"]}]}
        unannounced: dict[str, Any] = {
            "deletedAt": None,
            "state": {"$nin": _RESTING},
            "lease.announced": {"$ne": True},
            "$expr": dead,
        }
        # `announced` is stored in the lease, so the next lease starts without it.
        while document := await self._collection.find_one_and_update(
            unannounced,
            [{"$set": {**_TELLS_LOST, "lease": {"announced": True}, **_NO_CODES}}],
            return_document=ReturnDocument.AFTER,
        ):
            self._events.publish(observed_event(Connection.model_validate(document)))

    async def forget_expired_codes(self) -> None:
        """Remove expired QR and pairing codes."""
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
        """Find connections by owner and the owner's id for them."""
        pairs = [
            {"owner": {"$eq": owner}, "connectionId": {"$eq": connection_id}}
            for owner, connection_id in dict.fromkeys(names)
        ]
        cursor = self._collection.aggregate([{"$match": {"$or": pairs, **PRESENT}}, _WITH_LEASED])
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


def _linked_to(linked_number: str) -> dict[str, Any]:
    """Return the fields of a connection whose phone has this number."""
    number = {"$literal": linked_number}
    again = {"$eq": ["$linkedNumber", number]}
    logins = {"$ifNull": ["$logins", 0]}
    # A pause belongs to the account that WhatsApp refused, not to one linked later.
    same = {"$eq": [{"$ifNull": ["$paused.number", number]}, number]}
    return {
        "linkedNumber": number,
        "paused": {"$cond": [same, {"$ifNull": ["$paused", None]}, None]},
        "logins": {"$cond": [again, logins, {"$add": [logins, 1]}]},
        "linkedAt": {"$cond": [again, "$linkedAt", "$$NOW"]},
    }


def _first_state(owner: str, connection_id: str, now: datetime) -> dict[str, Any]:
    """Return the fields with the event of a connection that is created."""
    facts = {
        "owner": owner,
        "connectionId": connection_id,
        "state": ConnectionState.STARTING,
        "reason": Reason.WAITING_FOR_WORKER,
        "since": now,
    }
    return first(EventType.CONNECTION_STATE, now, facts)


def _tells_qr(qr: QrCode) -> dict[str, Any]:
    """Return the fields of a `$set` that add the event of a QR code.

    The code itself stays in `qr` alone: it goes from there when nobody may use it any more.
    """
    facts = {**WHOSE, "expiresAt": qr.expires_at}
    return adds(EventType.CONNECTION_QR, facts)
