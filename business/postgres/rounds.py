"""Bring a table of subscribers here, once or in rounds; nothing is stored twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from loguru import logger

from business.batches import Batcher, Outcome, Row, SubscriberBatches
from business.consents import ConsentBook
from business.model import Subscriber
from business.postgres.columns import Columns, subscriber_of
from business.postgres.report import REFUSED, Report
from business.postgres.table import OpenTable, TableRow, open_table
from business.store import Store
from business.stores import Stores
from sessions.common.errors import StoreUnavailableError
from sessions.storage.mongo import STORE_DOWN, brief

_HOW = "postgres"
"""How these people's consent came, as it is kept."""
_TWICE = "This number is in the table more than once: the first row counts."
_TAKEN = "Another program changes this number just now: the next import takes it."


@dataclass(frozen=True)
class Wanted:
    """What is to be imported, from where, and for whom."""

    address: str
    table: str
    columns: Columns
    list: str
    owner: str


class Rounds:
    """Import a table. A change there arrives here; what vanishes there stays here.

    A round begins at the first row: those that an earlier one has stored are recognised by their
    numbers, so a round that was cut short is simply repeated.
    """

    def __init__(
        self,
        wanted: Wanted,
        stores: Stores,
        report: Report,
        now: Callable[[], datetime],
    ) -> None:
        self._wanted = wanted
        self._subscribers: Store[Subscriber] = stores.subscribers
        self._batches = SubscriberBatches(stores.subscribers, ConsentBook(stores.consents), now)
        self._report = report

    async def keep_in_step(self, every: timedelta, stop: asyncio.Event) -> None:
        """Repeat rounds until `stop` is set; a server that is away only costs time.

        Raises ConfigurationError for what an operator has to change.
        """
        while not stop.is_set():
            try:
                await self.round(stop)
            except StoreUnavailableError as error:
                logger.warning("{}. The next round goes on.", error)
            except STORE_DOWN as error:
                logger.warning("MongoDB is away, the next round goes on: {}", brief(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every.total_seconds())

    async def round(self, stop: asyncio.Event) -> None:
        """Import all rows, or as many as there is time for until `stop` is set.

        Raises ConfigurationError, StoreUnavailableError and STORE_DOWN errors; what was stored by
        then stays.
        """
        wanted = self._wanted
        seen: set[tuple[str, str]] = set()
        not_there: int | None = None
        async with open_table(wanted.address, wanted.table, wanted.columns) as table:
            self._report.begin(table)
            try:
                await self._take(table, seen, stop)
                if not stop.is_set():
                    not_there = await self._not_in_table(seen)
            finally:
                self._report.end(not_there)

    async def _take(
        self, table: OpenTable, seen: set[tuple[str, str]], stop: asyncio.Event
    ) -> None:
        rows: dict[int, TableRow] = {}

        def tell(number: int, outcome: Outcome) -> None:
            if outcome is Outcome.TAKEN:
                self._report.row(rows.pop(number), REFUSED, _TAKEN)
            else:
                self._report.row(rows.pop(number), outcome)

        batcher = Batcher(self._store, tell)
        async for row in table.rows():
            if stop.is_set():
                break
            try:
                fields = subscriber_of(row.cells, table.columns, self._wanted.list)
                self._note(seen, fields)
            except ValueError as error:
                self._report.row(row, REFUSED, str(error))
                continue
            rows[row.number] = row
            await batcher.add(row.number, fields)
        await batcher.flush()

    async def _store(self, rows: Sequence[Row]) -> list[Outcome]:
        return await self._batches.store(self._wanted.owner, rows, _HOW)

    @staticmethod
    def _note(seen: set[tuple[str, str]], fields: Row) -> None:
        key = fields["phone"], fields["list"]
        if key in seen:
            raise ValueError(_TWICE)
        seen.add(key)

    async def _not_in_table(self, seen: set[tuple[str, str]]) -> int:
        """Count the subscribers of the same lists whose numbers no row has."""
        lists = sorted({name for _, name in seen})
        which = {"owner": self._wanted.owner, "list": {"$in": lists}}
        cursor = self._subscribers.collection.find(which, {"phone": True, "list": True})
        return sum([(each["phone"], each["list"]) not in seen async for each in cursor])
