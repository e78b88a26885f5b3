"""A double of the tables that a sweep reads: rows as WhatsApp Web has them, without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.heard import ResponsesPage, RowsFound, RowsPage

FIRST_LIVE_ROW = 1_000_000_000


@dataclass(frozen=True)
class Row:
    """A received message in the table, as our script describes it."""

    row_id: int
    item: dict[str, Any]

    @property
    def at(self) -> int:
        return int(self.item["at"])


@dataclass
class ReceivedTable:
    """The rows of one profile, and how a page answers a sweep from them."""

    rows: list[Row] = field(default_factory=list)
    reactions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    page_of: int = 5
    """How many rows back a page of the search for the first row goes."""
    unreadable: bool = False

    def copy(self) -> ReceivedTable:
        """Return a table that has the same rows, as a saved profile has."""
        return replace(self, rows=[*self.rows], reactions={**self.reactions})

    def add(self, item: dict[str, Any]) -> None:
        """Store a message after the last row, as WhatsApp Web does: ids are used again."""
        last = max((each.row_id for each in self.rows), default=FIRST_LIVE_ROW)
        self.rows.append(Row(last + 1, item))

    def change(self, key: str, **facts: Any) -> None:
        """Change a message in its place."""
        self.rows = [
            replace(each, item={**each.item, **facts}) if each.item["key"] == key else each
            for each in self.rows
        ]

    async def locate_received(
        self, since: datetime, before: float | None, *, history: bool
    ) -> RowsFound:
        self._check()
        last = float("inf") if before is None else before
        rows = [each for each in self.rows if each.row_id < last][-self.page_of :]
        recent = [each.row_id for each in rows if each.at >= since.timestamp()]
        ends = len(rows) < self.page_of or not recent
        return RowsFound(
            after=min(recent) - 1 if recent else None, next=None if ends else rows[0].row_id
        )

    async def received_rows(self, after: float, limit: int) -> RowsPage:
        self._check()
        rows = [each for each in self.rows if each.row_id > after]
        page = rows[: min(limit, self.page_of)]
        return RowsPage(
            items=[each.item for each in page],
            last=page[-1].row_id if page else after,
            more=len(rows) > len(page),
        )

    async def received_of(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        self._check()
        return [each.item for each in self.rows if each.item["key"] in keys]

    async def received_changes(self, since: datetime) -> list[dict[str, Any]]:
        self._check()
        begin = since.timestamp()
        return [
            each.item
            for each in self.rows
            if max(each.item.get("editedAt") or 0, each.item.get("revokedAt") or 0) >= begin
        ]

    async def received_reactions(self, since: datetime, offset: int) -> ResponsesPage:
        self._check()
        begin = since.timestamp()
        items = [each for each in self.reactions.values() if each["at"] >= begin]
        return ResponsesPage(items=items, next=None)

    async def received_votes(self, since: datetime, offset: int) -> ResponsesPage:
        self._check()
        return ResponsesPage(items=[], next=None)

    def _check(self) -> None:
        if self.unreadable:
            raise PageCallError("TypeError", None, "getMessageTable is not a function")
