"""Leases: one worker per connection, taken and renewed by compare-and-set on MongoDB's clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from sessions.connections.events import publish_state
from sessions.connections.moves import becomes, tells_state
from sessions.connections.states import Command, ConnectionState, Reason, needs_a_worker
from sessions.events.log import EventLog
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection as MongoCollection
    from sessions.storage.mongo import Database


@dataclass(frozen=True)
class Lease:
    """The right to run one connection; `generation` fences every write of its holder."""

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
    """A connection that a worker may take; `owner` is `deleted` for those being deleted."""

    id: str
    owner: str


class Renewal(Enum):
    """The result of renewing a lease."""

    KEPT = auto()
    COMMANDED = auto()
    """Kept, and a command is pending."""
    UNWANTED = auto()
    """Kept, but the connection should stop."""
    LOST = auto()


_S = ConnectionState
_LEAVING = [str(Command.LOGOUT), str(Command.DELETE)]
"""Commands for which a worker takes a connection even if it is to be stopped."""


_RENEWAL_FIELDS = ["generation", "desired", "command.name"]
"""The fields that a renewal reads."""

NO_WORKER: dict[str, Any] = {"$or": [{"$not": ["$lease"]}, {"$lte": ["$lease.expiresAt", "$$NOW"]}]}
"""The expression for connections without a worker: no lease, or an expired one."""

_OWNER = {"$cond": [{"$gt": ["$deletedAt", None]}, "deleted", "$owner"]}
"""The expression for a connection's owner; a connection that is being deleted has none."""


def _free_since(span: timedelta) -> dict[str, Any]:
    """Return the expression for connections that have had no worker for this long."""
    if not span:
        # `since` is not used: the API that made the record may have a clock ahead of MongoDB's.
        return NO_WORKER
    amount = span // timedelta(milliseconds=1)
    then = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": amount}}
    given_back = {"$and": [{"$not": ["$lease"]}, {"$lte": ["$since", then]}]}
    # Without a lease its expiry is null, which MongoDB sorts before every date.
    ran_out = {"$and": ["$lease", {"$lte": ["$lease.expiresAt", then]}]}
    return {"$or": [given_back, ran_out]}


def _meaning(document: dict[str, Any]) -> Renewal:
    """Return what the record of a connection asks of the worker that holds its lease."""
    command = (document.get("command") or {}).get("name")
    if document["desired"] == "stopped" and command not in _LEAVING:
        return Renewal.UNWANTED
    return Renewal.KEPT if command is None else Renewal.COMMANDED


class LeaseStore:
    """Take, renew and give back leases for one worker process.

    `instance` is new for each process, so that a restarted worker with the same name does not
    mistake the leases of the process before it for its own. The leases of `predecessor` may be
    taken at once: that process and its browsers are known to be dead.
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
        """Tell whether `acquire` would find a connection."""
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
        """Count the connections that workers run now, by owner."""
        leased = {"$match": {"lease.expiresAt": {"$type": "date"}, "$expr": {"$not": [NO_WORKER]}}}
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
        """Take a free connection that is to run, or the one named; None when there is none.

        A connection that is to be logged out or deleted is taken too; with `only_leaving` no
        other is. `free_for` is how long it must have had no worker. `spare_others` leaves out
        those whose lease expired while another worker held it.

        A lease of this process for a connection that is not in `running` counts as free: MongoDB
        granted it, but the answer was lost, or the predecessor held it.
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
        """Extend the lease, if it is still ours; leases that are due together share the query."""
        return await self._renewing(lease)

    async def _renew_all(self, leases: Sequence[Lease]) -> list[Renewal | Exception]:
        if len(leases) == 1:
            return [await self._renew_one(leases[0])]
        ours = {"$or": [lease.fence() for lease in leases]}
        quiet = {"lease.announced": {"$exists": False}}
        await self._collection.update_many(
            {**ours, **quiet}, [{"$set": {"lease.expiresAt": self._expiry()}}]
        )
        cursor = self._collection.find({**ours, **quiet}, projection=_RENEWAL_FIELDS)
        kept = {(found["_id"], found["generation"]): _meaning(found) async for found in cursor}
        return [
            # A lease that is lost, or was reported as lost, is renewed by itself.
            kept.get((each.connection, each.generation)) or await self._renew_one(each)
            for each in leases
        ]

    async def _renew_one(self, lease: Lease) -> Renewal:
        announced = {"$eq": ["$lease.announced", True]}
        told = tells_state("$state", "$reason", "$since", "$until", where=announced)
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            lease.fence(),
            [{"$set": {**told, "lease.expiresAt": self._expiry(), "lease.announced": "$$REMOVE"}}],
        )
        if document is None:
            return Renewal.LOST
        if document["lease"].get("announced"):
            # The lease had expired and the connection was reported as worker_lost.
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
                # A pipeline's $set merges documents, so the old field has to be removed.
                "announced": "$$REMOVE",
            },
            # Starting the connection does what a restart asks for.
            "command": {
                "$cond": [{"$eq": ["$command.name", Command.RESTART]}, "$$REMOVE", "$command"]
            },
            **becomes(_S.STARTING, Reason.BROWSER_STARTING),
        }

    def _expiry(self) -> dict[str, Any]:
        amount = self._ttl // timedelta(milliseconds=1)
        return {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": amount}}
