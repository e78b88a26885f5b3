"""Store many customers or subscribers at a time, found by their numbers, with a few calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import UpdateOne

from business.consents import ConsentBook
from business.model import Customer, Purpose, Subscriber, SubscriberStatus
from business.store import Kind, Store, changing, telling
from business.subscribers import TOLD, first_status
from sessions.common.ids import new_id
from sessions.outgoing_events import pending

_AT_ONCE = 200
"""How many rows make a batch: few calls, and other requests wait little."""
Row = Mapping[str, Any]
"""The fields of a record as they are given; those that are left out stay as they are."""
Update = dict[str, Any] | list[dict[str, Any]]


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    TAKEN = "taken"
    """Another request stores or erases the same number at this moment."""


class Batcher:
    """Gather rows, store them when there are enough, and tell what became of each.

    `store` is given rows of different keys; `tell` the number of a row and its outcome.
    """

    def __init__(
        self,
        store: Callable[[Sequence[Row]], Awaitable[list[Outcome]]],
        tell: Callable[[int, Outcome], None],
    ) -> None:
        self._store = store
        self._tell = tell
        self._rows: dict[tuple[str, str | None], tuple[int, Row]] = {}

    async def add(self, number: int, row: Row) -> None:
        """Add a row; a number that comes again waits until the first one is stored."""
        key = row["phone"], row.get("list")
        if key in self._rows or len(self._rows) == _AT_ONCE:
            await self.flush()
        self._rows[key] = number, row

    async def flush(self) -> None:
        """Store what was gathered."""
        if self._rows:
            numbers, rows = zip(*self._rows.values(), strict=True)
            self._rows = {}
            for number, outcome in zip(numbers, await self._store(rows), strict=True):
                self._tell(number, outcome)


class CustomerBatches:
    """Store customers; a known number is updated."""

    def __init__(self, store: Store[Customer], now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def store(self, owner: str, rows: Sequence[Row], how: str) -> list[Outcome]:
        """Store rows of different numbers, and say what became of each, in order."""
        phones = [row["phone"] for row in rows]
        found = await self._store.all(owner, {"phone": {"$in": phones}})
        known = {each.phone: each for each in found}
        now = self._now()
        new = {
            row["phone"]: Customer(id=new_id(), owner=owner, created_at=now, **row)
            for row in rows
            if row["phone"] not in known
        }
        updates: dict[Any, Update] = {}
        for row in rows:
            record = known.get(row["phone"])
            if record and not record.erasing and (changes := _changes(record, row)):
                updates[record.phone] = changing(changes)
        outcomes = await _write(self._store, phones, known, new, updates)
        # What is being erased is no customer any more, and still has its number.
        erased = {each.phone for each in found if each.erasing}
        return [
            Outcome.TAKEN if phone in erased else outcome
            for phone, outcome in zip(phones, outcomes, strict=True)
        ]


class SubscriberBatches:
    """Store subscribers, found by number and list; who is unsubscribed stays so."""

    def __init__(
        self, store: Store[Subscriber], consents: ConsentBook, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._consents = consents
        self._now = now

    async def store(self, owner: str, rows: Sequence[Row], how: str) -> list[Outcome]:
        """Store rows of different numbers or lists, and say what became of each, in order."""
        keys = [_key(row) for row in rows]
        found = await self._store.all(owner, {"phone": {"$in": [phone for phone, _ in keys]}})
        known = {(each.phone, each.list): each for each in found}
        new = await self._new(owner, [row for row in rows if _key(row) not in known], how)
        updates: dict[Any, Update] = {}
        for row in rows:
            record = known.get(_key(row))
            if record and (update := _update(record, row)):
                updates[_key(row)] = update
        return await _write(self._store, keys, known, new, updates, self._told)

    async def _new(
        self, owner: str, rows: Sequence[Row], how: str
    ) -> dict[tuple[str, str], Subscriber]:
        now = self._now()
        agreeing = {row["phone"] for row in rows if not _has_left(row)}
        refused = await self._consents.agree(owner, agreeing, Purpose.MARKETING, how, now)
        new: dict[tuple[str, str], Subscriber] = {}
        for row in rows:
            wanted = row.get("status", SubscriberStatus.SUBSCRIBED)
            status = first_status(wanted, refused=row["phone"] in refused)
            fields = {**row, "_id": new_id(), "owner": owner, "createdAt": now, "status": status}
            new[_key(row)] = Subscriber.model_validate(fields)
        return new

    def _told(self, record: Subscriber) -> dict[str, Any]:
        return pending.first(TOLD[record.status], self._now(), {"status": record.status})


def _key(row: Row) -> tuple[str, str]:
    return row["phone"], row["list"]


def _has_left(row: Row) -> bool:
    return row.get("status") is SubscriberStatus.UNSUBSCRIBED


def _changes(known: Customer | Subscriber, row: Row) -> dict[str, Any]:
    return {
        name: value
        for name, value in row.items()
        if name != "status" and getattr(known, name) != value
    }


def _update(known: Subscriber, row: Row) -> Update | None:
    """Return the update that makes a subscriber what a row says; None if nothing is new."""
    changes = _changes(known, row)
    if _has_left(row) and known.status is not SubscriberStatus.UNSUBSCRIBED:
        status = SubscriberStatus.UNSUBSCRIBED
        return telling(changing({**changes, "status": status}), TOLD[status], {"status": status})
    return changing(changes) if changes else None


async def _write(
    store: Store[Kind],
    keys: Sequence[Any],
    known: Mapping[Any, Kind],
    new: Mapping[Any, Kind],
    updates: Mapping[Any, Update],
    told: Callable[[Kind], Mapping[str, Any]] = lambda _: {},
) -> list[Outcome]:
    """Insert what is new, update what has changed, and say what became of each key."""
    added = await store.add_all([(each, told(each)) for each in new.values()])
    changes = [UpdateOne({"_id": known[key].id}, update) for key, update in updates.items()]
    if changes:
        await store.collection.bulk_write(changes, ordered=False)

    def outcome(key: Any) -> Outcome:
        if key in new:
            return Outcome.CREATED if new[key].id in added else Outcome.TAKEN
        return Outcome.UPDATED if key in updates else Outcome.UNCHANGED

    return [outcome(key) for key in keys]
