"""Find in the page's own tables what came without an event: while no page was open, or too much."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chatgrow_worker.page.heard import ResponsesPage, RowsFound, RowsPage
from chatgrow_worker.receiving.reading import sighting_of
from sessions.connections.leases import Lease
from sessions.conversations.inbox import Recorded
from sessions.conversations.marks import Mark, Marks
from sessions.conversations.seen import Arrival, Edit, Revocation, Sighting

_OVERLAP = timedelta(hours=1)
"""How far before the mark a sweep begins: clocks differ, edits come up to 20 minutes later, and
messages are not stored in the exact order of their times."""
_ROWS_AT_ONCE = 100
_IMPORTS_FOR = timedelta(days=1)
"""For how long after a link the phone may still send its history."""


class SweptPage(Protocol):
    """What a sweep needs of a page; `WhatsAppPage` is the real one."""

    async def locate_received(
        self, since: datetime, before: float | None, *, history: bool
    ) -> RowsFound:
        """Look one page of rows further back for the first message since a time."""

    async def received_rows(self, after: float, limit: int) -> RowsPage:
        """Return the messages after a row, in the order in which they came."""

    async def received_changes(self, since: datetime) -> list[dict[str, Any]]:
        """Return the messages that were edited or revoked since a time."""

    async def received_of(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return the messages with these keys."""

    async def received_reactions(self, since: datetime, offset: int) -> ResponsesPage:
        """Return reactions since a time."""

    async def received_votes(self, since: datetime, offset: int) -> ResponsesPage:
        """Return votes since a time."""


@dataclass(frozen=True)
class SweepLimits:
    """How far back a sweep may go."""

    retention: timedelta
    """How long received messages are kept: older ones would be recorded again."""
    history: timedelta = timedelta(0)
    """How much of the phone's history from before a link is imported."""


@dataclass(frozen=True)
class Span:
    """What a sweep records: messages of rows from `rows` on, but none from before `floor`."""

    rows: datetime
    floor: datetime
    changes: datetime
    history: bool


def span_of(mark: Mark, limits: SweepLimits) -> Span:
    """Return what a sweep has to record after this mark."""
    begin = mark.through or mark.linked_at or mark.now
    rows = begin - _OVERLAP
    linked = mark.linked_at
    history = bool(limits.history and linked and mark.now - linked < _IMPORTS_FOR)
    if history and linked:
        rows = min(rows, linked - limits.history)
    kept = mark.now - limits.retention
    # A row that came late may be old. Without a mark, old rows are from before the first sweep.
    floor = kept if mark.through and not history else max(kept, rows)
    return Span(max(rows, kept), floor, max((mark.settled or begin) - _OVERLAP, kept), history)


class Sweep:
    """Record everything since the mark, in small steps; the mark moves along."""

    def __init__(
        self,
        page: SweptPage,
        record: Callable[[Sighting], Awaitable[Recorded]],
        waiting: Callable[[], Awaitable[Sequence[str]]],
        marks: Marks,
        lease: Lease,
        limits: SweepLimits,
    ) -> None:
        """Take how to record, and what returns the keys of messages that wait for their content."""
        self._page = page
        self._record = record
        self._waiting = waiting
        self._marks = marks
        self._lease = lease
        self._limits = limits
        self.imports = False
        """Whether the phone may still send its history, so that another sweep will find more."""

    async def steps(self) -> AsyncIterator[None]:
        """Do the sweep; the caller may do other work after each step."""
        mark = await self._marks.read(self._lease)
        span = span_of(mark, self._limits)
        self.imports = span.history
        through = mark.through or mark.linked_at or mark.now
        start: float | None = None
        before: float | None = None
        while True:
            found = await self._page.locate_received(span.rows, before, history=span.history)
            start, before = found.after if found.after is not None else start, found.next
            yield
            if before is None:
                break
        async for reached in self._rows(start, span):
            through = max(through, reached)
            yield
        async for _ in self._changes(span):
            yield
        if (through, through) != (mark.through, mark.settled):
            await self._marks.move(self._lease, through, settled=True)

    async def _rows(self, start: float | None, span: Span) -> AsyncIterator[datetime]:
        """Record the messages of all rows; yield after each page up to where it reaches."""
        while start is not None:
            page = await self._page.received_rows(start, _ROWS_AT_ONCE)
            seen = sighting_of(page.items)
            wanted = [each for each in seen.arrivals if _is_wanted(each, span)]
            await self._record(Sighting(tuple(wanted)))
            if reached := [each.at for each in wanted if not each.from_history]:
                await self._marks.move(self._lease, max(reached))
                yield max(reached)
            start = page.last if page.more else None

    async def _changes(self, span: Span) -> AsyncIterator[None]:
        """Record what happened to messages, however old they are."""
        if keys := await self._waiting():
            await self._record(sighting_of(await self._page.received_of(keys)))
            yield
        await self._record(_changes_of(await self._page.received_changes(span.changes)))
        yield
        for read in (self._page.received_reactions, self._page.received_votes):
            offset: int | None = 0
            while offset is not None:
                page = await read(span.changes, offset)
                await self._record(sighting_of(page.items))
                offset = page.next
                yield


def _changes_of(items: Sequence[dict[str, Any]]) -> Sighting:
    """Return only what happened to messages: those that were never recorded stay unrecorded."""
    seen = sighting_of(items).arrivals
    return Sighting(
        edits=tuple(
            Edit(each.name, each.text, each.edited_at, each.from_number)
            for each in seen
            if each.text is not None and each.edited_at is not None
        ),
        revocations=tuple(
            Revocation(each.name, each.revoked_at, each.from_number)
            for each in seen
            if each.revoked_at is not None
        ),
    )


def _is_wanted(seen: Arrival, span: Span) -> bool:
    return seen.at >= span.floor and (span.history or not seen.from_history)
