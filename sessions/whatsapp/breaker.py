"""The circuit breaker for all connections: it opens when WhatsApp Web has changed and sends fail.

It is one document in MongoDB. It opens when a page lacks a function that every send needs, or when
sends throw in the pages of several connections. While it is not closed, no connection sends. One
connection probes now and then, and the first successful probe closes the breaker for all.

Which reports open it, and why (`opens`):

- A missing function has nothing to do with any message: one report is enough.
- A send that throws may be the fault of its message. A connection reports it only after several
  sends in a row have thrown, of more than one message if more than one waits. Several connections
  must report it, of more than one owner if several owners have running connections, so that one
  owner's messages cannot stop the others. If fewer connections run, all of them are enough.
- A report that a probe has refuted does not count again. WhatsApp gives a new version to some
  accounts first: those wait by themselves, and do not stop all others again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from loguru import logger
from pymongo import ReturnDocument

from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database

_ID = "whatsapp"
_STALE_AFTER = timedelta(hours=1)
"""A report or an open breaker that nobody has confirmed for this long does not count any more."""


class BreakerState(StrEnum):
    """Whether connections may send."""

    CLOSED = "closed"
    """All connections send."""
    OPEN = "open"
    """Nobody sends; the next probe is due at `nextProbeAt`."""
    PROBING = "probing"
    """Only the connection that probes sends."""


_S = BreakerState
MOVES: Mapping[BreakerState, frozenset[BreakerState]] = MappingProxyType(
    {
        _S.CLOSED: frozenset({_S.OPEN}),
        _S.OPEN: frozenset({_S.PROBING, _S.CLOSED}),
        # Another connection takes over a probe that has expired.
        _S.PROBING: frozenset({_S.PROBING, _S.OPEN, _S.CLOSED}),
    }
)
"""All legal moves; the filter of each write of a state is made from this table."""


class Cause(StrEnum):
    """What a connection has seen."""

    FUNCTION_MISSING = "function_missing"
    """A ready page lacks a function that every send needs."""
    PAGE_UNREADABLE = "page_unreadable"
    """A loaded page lacks a function that shows its state, so it never becomes ready."""
    SENDS_THROW = "sends_throw"
    """Several sends in a row have thrown unknown errors."""


class Report(Record):
    """What one connection has seen, with the version of its page."""

    connection: str
    owner: str
    cause: Cause
    detail: str
    version: str | None = None
    at: datetime


class Probe(Record):
    """The connection that probes, and when another one may take over."""

    connection: str
    generation: int
    expires_at: datetime


class Refuted(Record):
    """A connection whose report a probe has refuted, and the version of its page.

    Its reports count again once its page has worked, or has another version.
    """

    connection: str
    version: str | None = None


class Breaker(Record):
    """The state of the breaker; `changed` and `probe_due` are by MongoDB's clock."""

    state: BreakerState = BreakerState.CLOSED
    cause: Cause | None = None
    detail: str | None = None
    since: datetime | None = None
    version: str | None = None
    """The version of the page of the last successful probe."""
    changed: bool = False
    """Whether connections wait: the breaker is not closed, and this was confirmed lately."""
    probe_due: bool = False
    reports: Sequence[Report] = ()
    refuted: Sequence[Refuted] = ()
    probe: Probe | None = None


@dataclass(frozen=True)
class BreakerLimits:
    """How many connections must report within which time, and how often to probe."""

    connections: int
    within: timedelta
    probe_every: timedelta
    probe_within: timedelta
    """How long a probe may take before another connection may take over."""


def opens(
    breaker: Breaker, running: Mapping[str, str], limits: BreakerLimits, now: datetime
) -> Report | None:
    """Return the report that opens the breaker, or None; `running` maps connections to owners."""
    wrong = {(each.connection, each.version) for each in breaker.refuted}
    counted = [
        each
        for each in breaker.reports
        if now - each.at < limits.within and (each.connection, each.version) not in wrong
    ]
    for report in counted:
        if report.cause is Cause.FUNCTION_MISSING:
            return report
    connections = {each.connection for each in counted}
    owners = {each.owner for each in counted}
    enough = min(limits.connections, max(1, len({*running, *connections})))
    several = min(2, len({*running.values(), *owners}))
    if len(connections) >= enough and len(owners) >= several:
        return counted[-1]
    return None


class BreakerReader:
    """Read the breaker; raises STORE_DOWN errors."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["breaker"]

    async def read(self) -> Breaker:
        """Return the breaker as it is now."""
        cursor = self._collection.aggregate([{"$match": {"_id": _ID}}, {"$addFields": _BY_CLOCK}])
        async for document in cursor:
            return Breaker.model_validate(document)
        return Breaker()


class WhatsAppBreaker(BreakerReader):
    """Report to the breaker, and probe; all methods raise STORE_DOWN errors."""

    def __init__(self, database: Database, limits: BreakerLimits) -> None:
        super().__init__(database)
        self._connections: Collection = database["connections"]
        self.limits = limits

    async def report(
        self, lease: Lease, owner: str, cause: Cause, detail: str, version: str | None
    ) -> None:
        """Record what a connection has seen, and open the breaker if the reports are enough."""
        report = {
            "connection": lease.connection,
            "owner": owner,
            "cause": cause,
            "detail": detail[:500],
            "version": version,
        }
        document = await self._add(report)
        breaker = Breaker.model_validate(document)
        if breaker.state is not BreakerState.CLOSED:
            await self._confirm(breaker.state)
            return
        why = opens(breaker, await self._running(), self.limits, document["now"])
        if why is not None:
            await self._open(why)

    async def _add(self, report: dict[str, Any]) -> dict[str, Any]:
        """Put a report in place of the connection's own and of old ones; return the document."""
        old = {"$subtract": ["$$NOW", _ms(_STALE_AFTER)]}
        others = _where(
            "$reports",
            {
                "$and": [
                    {"$ne": ["$$each.connection", {"$literal": report["connection"]}]},
                    {"$gt": ["$$each.at", old]},
                ]
            },
        )
        own = {"$mergeObjects": [{"$literal": report}, {"at": "$$NOW"}]}
        document: dict[str, Any] = await self._collection.find_one_and_update(
            {"_id": _ID},
            [
                {
                    "$set": {
                        "state": {"$ifNull": ["$state", BreakerState.CLOSED]},
                        "reports": {"$concatArrays": [others, [own]]},
                    }
                },
                {"$set": {"now": "$$NOW"}},
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return document

    async def withdraw(self, lease: Lease) -> None:
        """Remove a connection's report: its page works."""
        mine = {"connection": lease.connection}
        await self._collection.update_one(
            {"_id": _ID, "$or": [{f"{where}.connection": lease.connection} for where in _LISTS]},
            {"$pull": dict.fromkeys(_LISTS, mine)},
        )

    async def begin_probe(self, lease: Lease) -> bool:
        """Begin a probe if one is due and nobody else probes; tell whether it has begun."""
        probe = {
            "connection": {"$literal": lease.connection},
            "generation": lease.generation,
            "expiresAt": _in(self.limits.probe_within),
        }
        return await self._move(BreakerState.PROBING, {"probe": probe}, {"$expr": _PROBE_DUE})

    async def probe_failed(self, lease: Lease, detail: str) -> None:
        """End our probe: nothing can be sent yet."""
        changes = {
            "probe": None,
            "detail": {"$literal": detail[:500]},
            "confirmedAt": "$$NOW",
            "nextProbeAt": _in(self.limits.probe_every),
        }
        if await self._move(BreakerState.OPEN, changes, _held_by(lease)):
            logger.warning("WhatsApp Web still cannot be used: {}", detail)

    async def probe_passed(self, lease: Lease, version: str | None) -> None:
        """Close the breaker: our probe was successful. The reports of all others are refuted."""
        mine = {"$literal": lease.connection}
        others = _where("$reports", {"$ne": ["$$each.connection", mine]})
        wrong = {
            "$map": {
                "input": others,
                "as": "each",
                "in": {"connection": "$$each.connection", "version": "$$each.version"},
            }
        }
        before = _where(
            "$refuted", {"$not": [{"$in": ["$$each.connection", "$reports.connection"]}]}
        )
        refuted = {"$concatArrays": [wrong, before]}
        changes = _CLOSED | {"refuted": refuted, "version": {"$literal": version}}
        if await self._move(BreakerState.CLOSED, changes, _held_by(lease)):
            logger.warning("WhatsApp Web can be used again: all connections send")

    async def expire(self) -> None:
        """Close a breaker that nobody has confirmed for long: no connection is left to probe."""
        old = {"$lt": ["$confirmedAt", {"$subtract": ["$$NOW", _ms(_STALE_AFTER)]}]}
        if await self._move(BreakerState.CLOSED, _CLOSED, {"$expr": old}):
            logger.warning("The last sign of a change of WhatsApp Web is too old: sending again")

    async def _open(self, why: Report) -> None:
        changes = {
            "cause": why.cause,
            "detail": {"$literal": why.detail},
            "since": "$$NOW",
            "confirmedAt": "$$NOW",
            "nextProbeAt": "$$NOW",
            "probe": None,
        }
        if await self._move(BreakerState.OPEN, changes, {"state": BreakerState.CLOSED}):
            logger.error(
                "WhatsApp Web has changed, all connections wait ({}): {}", why.cause, why.detail
            )

    async def _confirm(self, state: BreakerState) -> None:
        await self._collection.update_one(
            {"_id": _ID, "state": state}, [{"$set": {"confirmedAt": "$$NOW"}}]
        )

    async def _move(
        self, to: BreakerState, changes: Mapping[str, Any], also: Mapping[str, Any]
    ) -> bool:
        """Move to a state, if that is legal from the present one; tell whether it moved."""
        origins = [state for state, ways in MOVES.items() if to in ways]
        moved = await self._collection.update_one(
            {"$and": [{"_id": _ID, "state": {"$in": origins}}, also]},
            [{"$set": {**changes, "state": to}}],
        )
        return moved.modified_count > 0

    async def _running(self) -> dict[str, str]:
        """Return the linked connections that a worker runs, with their owners."""
        cursor = self._connections.find(
            {
                "deletedAt": None,
                "linkedNumber": {"$ne": None},
                "$expr": {"$gt": ["$lease.expiresAt", "$$NOW"]},
            },
            projection={"owner": True},
        )
        return {document["_id"]: document["owner"] async for document in cursor}


def _where(name: str, condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the expression for the items (`$$each`) of a list that meet a condition."""
    return {"$filter": {"input": {"$ifNull": [name, []]}, "as": "each", "cond": condition}}


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _in(span: timedelta) -> dict[str, Any]:
    return {"$add": ["$$NOW", _ms(span)]}


def _held_by(lease: Lease) -> dict[str, Any]:
    return {"probe.connection": lease.connection, "probe.generation": lease.generation}


_LISTS = ("reports", "refuted")
_CLOSED: dict[str, Any] = {
    "cause": None,
    "detail": None,
    "since": None,
    "probe": None,
    "reports": [],
}
_PROBE_DUE: dict[str, Any] = {
    "$or": [
        {"$and": [{"$eq": ["$state", BreakerState.OPEN]}, {"$lte": ["$nextProbeAt", "$$NOW"]}]},
        {
            "$and": [
                {"$eq": ["$state", BreakerState.PROBING]},
                {"$lte": ["$probe.expiresAt", "$$NOW"]},
            ]
        },
    ]
}
_BY_CLOCK: dict[str, Any] = {
    "changed": {
        "$and": [
            {"$ne": ["$state", BreakerState.CLOSED]},
            {"$gt": ["$confirmedAt", {"$subtract": ["$$NOW", _ms(_STALE_AFTER)]}]},
        ]
    },
    "probeDue": _PROBE_DUE,
}
