"""Leases: one owner per connection, taken and renewed by compare-and-set on the server's clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from sessions.connections.events import publish_state
from sessions.connections.moves import becomes
from sessions.connections.states import Command, ConnectionState, Reason, needs_a_worker
from sessions.events.log import EventLog
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection as MongoCollection
    from sessions.storage.mongo import Database


@dataclass(frozen=True)
class Lease:
    """The right to run one connection; `generation` fences every write of its owner."""

    connection: str
    worker: str
    instance: str
    generation: int

    def fence(self) -> dict[str, Any]:
        """Return the filter that matches the record only while this lease is the newest."""
        return {
            "_id": self.connection,
            "generation": self.generation,
            "lease.instance": self.instance,
        }


@dataclass(frozen=True)
class FreeConnection:
    """A connection that a worker may take; those that are being deleted have one owner together."""

    id: str
    owner: str


class Renewal(Enum):
    """What became of an attempt to renew a lease."""

    KEPT = auto()
    COMMANDED = auto()
    """Kept, and something is asked of the owner."""
    UNWANTED = auto()
    """Kept, but the connection should run no more."""
    LOST = auto()


_S = ConnectionState
_LEAVING = [str(Command.LOGOUT), str(Command.DELETE)]
"""Commands for which a connection is taken even if it does not want to run."""


_TELLING = ["generation", "desired", "command.name"]
"""What a renewal reads."""

UNOWNED: dict[str, Any] = {"$or": [{"$not": ["$lease"]}, {"$lte": ["$lease.expiresAt", "$$NOW"]}]}
"""The expression for records that nobody has now: no lease, or one that ran out."""

_OWNER = {"$cond": [{"$gt": ["$deletedAt", None]}, "deleted", "$owner"]}
"""The expression for an owner; what is being deleted belongs to nobody any more."""


def _free_since(span: timedelta) -> dict[str, Any]:
    """Return the expression for connections that nobody has had for a while."""
    if not span:
        # Not by `since`: the clock of whoever made the record may be ahead of the server's.
        return UNOWNED
    amount = span // timedelta(milliseconds=1)
    then = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": amount}}
    given_back = {"$and": [{"$not": ["$lease"]}, {"$lte": ["$since", then]}]}
    # Without a lease its expiry is null, which MongoDB sorts before every date.
    ran_out = {"$and": ["$lease", {"$lte": ["$lease.expiresAt", then]}]}
    return {"$or": [given_back, ran_out]}


def _meaning(document: dict[str, Any]) -> Renewal:
    """Return what the record of a connection that is ours asks of us."""
    command = (document.get("command") or {}).get("name")
    if document["desired"] == "stopped" and command not in _LEAVING:
        return Renewal.UNWANTED
    return Renewal.KEPT if command is None else Renewal.COMMANDED


class LeaseStore:
    """Take, renew and give back leases for one worker process.

    `instance` is new for each process, so that a restarted worker with the same name does not
    take its predecessor's leases for its own. Those of `predecessor` it may take at once: that
    process is known to be dead, and its browsers with it.
    """

    def __init__(
        self,
        database: Database,
        events: EventLog,
        worker: str,
        instance: str,
        ttl: timedelta,
        predecessor: str | None = None,
    ) -> None:
        self._collection: MongoCollection = database["connections"]
        self._events = events
        self._worker = worker
        self._instance = instance
        self._ours = [each for each in (instance, predecessor) if each is not None]
        self._ttl = ttl
        self._renewing: BatchedLookup[Lease, Renewal] = BatchedLookup(self._renew_all)

    async def is_any_free(self, running: Collection[str], *, only_leaving: bool = False) -> bool:
        """Tell whether `acquire` would find a connection, if it is our turn."""
        wanted = self._wanted(running, self._free(timedelta(0)), only_leaving)
        return await self._collection.find_one(wanted, projection={"_id": True}) is not None

    async def free(
        self,
        running: Collection[str],
        free_for: timedelta,
        *,
        only_leaving: bool,
        spare_others: bool,
    ) -> list[FreeConnection]:
        """Return the connections that `acquire` would take, oldest first."""
        wanted = self._wanted(
            running, self._free(free_for, spare_others=spare_others), only_leaving
        )
        cursor = self._collection.find(wanted, {"owner": _OWNER}, sort=[("createdAt", 1)])
        return [FreeConnection(found["_id"], found["owner"]) async for found in cursor]

    async def running_by_owner(self) -> dict[str, int]:
        """Count the connections of each owner that workers have now."""
        leased = {"$match": {"lease.expiresAt": {"$type": "date"}, "$expr": {"$not": [UNOWNED]}}}
        count = {"$group": {"_id": _OWNER, "count": {"$sum": 1}}}
        cursor = self._collection.aggregate([leased, count])
        return {found["_id"]: found["count"] async for found in cursor}

    async def acquire(
        self,
        connection: str | None = None,
        running: Collection[str] = (),
        free_for: timedelta = timedelta(0),
        *,
        only_leaving: bool = False,
        spare_others: bool = False,
    ) -> Lease | None:
        """Take a free connection that wants to run, or the one named; None when there is none.

        One that is to be logged out or deleted is taken too, and with `only_leaving` no other.
        With `free_for` only one that nobody has taken for so long, and with `spare_others` none
        whose lease ran out while another worker had it.

        A lease of our own that is not among those `running` is free too: it was granted by an
        answer that never reached us, or to the predecessor.
        """
        free = self._free(free_for, spare_others=spare_others)
        wanted = self._wanted(running, free, only_leaving)
        if connection is not None:
            wanted["_id"]["$eq"] = connection
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            wanted,
            [{"$set": self._taken()}],
            sort=[("createdAt", 1)],
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            return None
        publish_state(self._events, document)
        return Lease(document["_id"], self._worker, self._instance, document["generation"])

    async def renew(self, lease: Lease) -> Renewal:
        """Extend the lease, if it is still ours; those that are due together in one go."""
        return await self._renewing(lease)

    async def _renew_all(self, leases: Sequence[Lease]) -> list[Renewal | Exception]:
        if len(leases) == 1:
            return [await self._renew_one(leases[0])]
        ours = {"$or": [lease.fence() for lease in leases]}
        quiet = {"lease.announced": {"$exists": False}}
        await self._collection.update_many(
            {**ours, **quiet}, [{"$set": {"lease.expiresAt": self._expiry()}}]
        )
        cursor = self._collection.find({**ours, **quiet}, projection=_TELLING)
        kept = {(found["_id"], found["generation"]): _meaning(found) async for found in cursor}
        return [
            # One that is lost, or that was told to be lost, is looked at by itself.
            kept.get((each.connection, each.generation)) or await self._renew_one(each)
            for each in leases
        ]

    async def _renew_one(self, lease: Lease) -> Renewal:
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            lease.fence(),
            [{"$set": {"lease.expiresAt": self._expiry(), "lease.announced": "$$REMOVE"}}],
        )
        if document is None:
            return Renewal.LOST
        if document["lease"].get("announced"):
            # It had run out, and was told to be lost.
            publish_state(self._events, document)
        return _meaning(document)

    async def release(self, lease: Lease, reason: Reason) -> None:
        """Give the lease back, so that another worker may take it at once."""
        running = [str(each) for each in ConnectionState if needs_a_worker(each)]
        runs, unwanted = {"$in": ["$state", running]}, {"$eq": ["$desired", "stopped"]}
        changes = [
            {
                "$set": {
                    "lease": None,
                    **becomes(_S.STOPPED, None, where={"$and": [runs, unwanted]}),
                }
            },
            {"$set": becomes(_S.STARTING, reason, where={"$in": ["$state", running]})},
        ]
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            lease.fence(), changes, return_document=ReturnDocument.AFTER
        )
        if document is not None:
            publish_state(self._events, document)

    def _wanted(
        self, running: Collection[str], free: dict[str, Any], only_leaving: bool
    ) -> dict[str, Any]:
        return {
            "_id": {"$nin": list(running)},
            "$or": [
                {"command.name": {"$in": _LEAVING}},
                *([] if only_leaving else [{"desired": "running"}]),
            ],
            "$expr": free,
        }

    def _free(self, free_for: timedelta, *, spare_others: bool = False) -> dict[str, Any]:
        """Return the expression for connections that this worker may take."""
        ours = {"$in": ["$lease.instance", {"$literal": self._ours}]}
        free = _free_since(free_for)
        if spare_others:
            named_so = {"$eq": ["$lease.worker", {"$literal": self._worker}]}
            free = {"$and": [free, {"$or": [{"$not": ["$lease"]}, named_so]}]}
        return {"$or": [free, ours]}

    def _taken(self) -> dict[str, Any]:
        return {
            "generation": {"$add": ["$generation", 1]},
            "lease": {
                "worker": {"$literal": self._worker},
                "instance": {"$literal": self._instance},
                "expiresAt": self._expiry(),
                # A document that is set in a pipeline is merged into the one before.
                "announced": "$$REMOVE",
            },
            # A restart is done by this very start.
            "command": {
                "$cond": [{"$eq": ["$command.name", Command.RESTART]}, "$$REMOVE", "$command"]
            },
            **becomes(_S.STARTING, Reason.BROWSER_STARTING),
        }

    def _expiry(self) -> dict[str, Any]:
        amount = self._ttl // timedelta(milliseconds=1)
        return {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": amount}}
