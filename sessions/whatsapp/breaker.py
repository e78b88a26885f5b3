"""The circuit breaker of the fleet: whether WhatsApp Web has changed so that no send can work.

One document in MongoDB. It opens when a page lacks a function without which nothing can be sent, or
when sends throw in the pages of several connections. While it is not closed no connection sends;
one of them probes now and then, and the first probe that works closes it for all.

Which reports open it, and why (`opens`):

- A function that is missing from a page has nothing to do with any message: one report is enough.
- A send that throws may be the fault of its message. A connection reports it only after several in
  a row, of more than one message where more than one waits. Reports of several connections open it,
  of more than one owner where several owners have connections running, so that one tenant's
  messages cannot pause the others. Where fewer connections run, all of them together are enough.
- What a probe has refuted does not count again: when WhatsApp gives a new version to some accounts
  first, those that have it wait by themselves, and do not pause the rest again and again.
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
"""What nobody has confirmed for so long is not believed any more: the next page tells anew."""


class BreakerState(StrEnum):
    """Whether the fleet sends."""

    CLOSED = "closed"
    """The fleet sends."""
    OPEN = "open"
    """Nobody sends; the next probe is due at `nextProbeAt`."""
    PROBING = "probing"
    """Nobody sends but the connection that probes."""


_S = BreakerState
MOVES: Mapping[BreakerState, frozenset[BreakerState]] = MappingProxyType(
    {
        _S.CLOSED: frozenset({_S.OPEN}),
        _S.OPEN: frozenset({_S.PROBING, _S.CLOSED}),
        # Another one probes where the one that did has gone.
        _S.PROBING: frozenset({_S.PROBING, _S.OPEN, _S.CLOSED}),
    }
)
"""Every legal move; each write of a state names the states that it may come from by this table."""


class Cause(StrEnum):
    """What a connection has seen."""

    FUNCTION_MISSING = "function_missing"
    """A page that is ready lacks a function without which nothing can be sent."""
    PAGE_UNREADABLE = "page_unreadable"
    """A page that has loaded lacks a function that tells its state, so it never becomes ready."""
    SENDS_THROW = "sends_throw"
    """Several sends in a row have thrown, by no refusal and no error that is known."""


class Report(Record):
    """What one connection has seen, with the version of its page."""

    connection: str
    owner: str
    cause: Cause
    detail: str
    version: str | None = None
    at: datetime


class Probe(Record):
    """Who probes, and until when the others leave it to that one."""

    connection: str
    generation: int
    expires_at: datetime


class Refuted(Record):
    """A connection whose report was wrong for the others, and the version of its page then.

    It counts again when its page works, or has another version.
    """

    connection: str
    version: str | None = None


class Breaker(Record):
    """The breaker as it is now; `changed` and `probe_due` are by MongoDB's clock."""

    state: BreakerState = BreakerState.CLOSED
    cause: Cause | None = None
    detail: str | None = None
    since: datetime | None = None
    version: str | None = None
    """The version of the page with which the last probe has passed."""
    changed: bool = False
    """Whether the fleet waits: it is not closed, and somebody has confirmed that lately."""
    probe_due: bool = False
    reports: Sequence[Report] = ()
    refuted: Sequence[Refuted] = ()
    probe: Probe | None = None


@dataclass(frozen=True)
class BreakerLimits:
    """How many connections within which time open the breaker, and how often it is probed."""

    connections: int
    within: timedelta
    probe_every: timedelta
    probe_within: timedelta
    """How long a probe may take before another connection may probe."""


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
    """Move the breaker. Every method raises STORE_DOWN errors, and moves nothing then."""

    def __init__(self, database: Database, limits: BreakerLimits) -> None:
        super().__init__(database)
        self._connections: Collection = database["connections"]
        self.limits = limits

    async def report(
        self, lease: Lease, owner: str, cause: Cause, detail: str, version: str | None
    ) -> None:
        """Note what a connection has seen, and open the breaker where that is enough."""
        report = {
            "connection": lease.connection,
            "owner": owner,
            "cause": cause,
            "detail": detail[:500],
            "version": version,
        }
        old = {"$subtract": ["$$NOW", _ms(_STALE_AFTER)]}
        others = _where(
            "$reports",
            {
                "$and": [
                    {"$ne": ["$$each.connection", {"$literal": lease.connection}]},
                    {"$gt": ["$$each.at", old]},
                ]
            },
        )
        own = {"$mergeObjects": [{"$literal": report}, {"at": "$$NOW"}]}
        document = await self._collection.find_one_and_update(
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
        breaker = Breaker.model_validate(document)
        if breaker.state is not BreakerState.CLOSED:
            await self._confirm(breaker.state)
            return
        why = opens(breaker, await self._running(), self.limits, document["now"])
        if why is not None:
            await self._open(why)

    async def withdraw(self, lease: Lease) -> None:
        """Forget what a connection has reported: its page works."""
        mine = {"connection": lease.connection}
        await self._collection.update_one(
            {"_id": _ID, "$or": [{f"{where}.connection": lease.connection} for where in _LISTS]},
            {"$pull": dict.fromkeys(_LISTS, mine)},
        )

    async def begin_probe(self, lease: Lease) -> bool:
        """Take the next probe, if it is due and nobody else has it; tell whether it is ours."""
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
            logger.warning("WhatsApp Web cannot be used yet: {}", detail)

    async def probe_passed(self, lease: Lease, version: str | None) -> None:
        """Close the breaker by our probe on a version of the page that works.

        What others have reported is refuted.
        """
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
            logger.warning("WhatsApp Web can be used again: the fleet sends")

    async def expire(self) -> None:
        """Close a breaker that nobody has confirmed for long: no page is left that could probe."""
        old = {"$lt": ["$confirmedAt", {"$subtract": ["$$NOW", _ms(_STALE_AFTER)]}]}
        if await self._move(BreakerState.CLOSED, _CLOSED, {"$expr": old}):
            logger.warning("What was known of a change of WhatsApp Web is too old and forgotten")

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
                "WhatsApp Web has changed, the fleet waits ({}): {}", why.cause, why.detail
            )

    async def _confirm(self, state: BreakerState) -> None:
        await self._collection.update_one(
            {"_id": _ID, "state": state}, [{"$set": {"confirmedAt": "$$NOW"}}]
        )

    async def _move(
        self, to: BreakerState, changes: Mapping[str, Any], also: Mapping[str, Any]
    ) -> bool:
        """Move to a state from those that lead to it; tell whether it did."""
        origins = [state for state, ways in MOVES.items() if to in ways]
        moved = await self._collection.update_one(
            {"$and": [{"_id": _ID, "state": {"$in": origins}}, also]},
            [{"$set": {**changes, "state": to}}],
        )
        return moved.modified_count > 0

    async def _running(self) -> dict[str, str]:
        """Return the linked connections that a worker runs, and whose they are."""
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
    """Return the expression for the members (`$$each`) of a list that meet a condition."""
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
