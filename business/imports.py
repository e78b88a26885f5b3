"""Customers and subscribers from tables, and back into tables."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from business.batches import Batcher, CustomerBatches, Outcome, Row, SubscriberBatches
from business.consents import ConsentBook
from business.csv_files import (
    Flaw,
    FlawError,
    on_lines,
    on_one_line,
    phone_in,
    read_table,
    write_table,
)
from business.customers import SHOWN
from business.model import Language, SubscriberStatus
from business.plans import Plans
from business.stores import Stores

CUSTOMERS = ("name", "phone", "language", "tags", "notes")
SUBSCRIBERS = ("name", "phone", "list", "language", "status")
"""Those of an export, which tells the status, can all be imported again."""
_LONGEST = {"name": 200, "notes": 4000, "tags": 1000, "list": 50}
_MOST_TAGS, _LONGEST_TAG = 50, 50


@dataclass(frozen=True)
class Refused:
    """A row that was not stored, by the number of the file's line on which it begins, and why."""

    line: int
    flaw: Flaw
    reason: str


@dataclass
class Imported:
    """What an import has done."""

    created: int = 0
    updated: int = 0
    """How many were known, whether or not anything of them has changed."""
    refused: list[Refused] = field(default_factory=list)

    def count(self, number: int, outcome: Outcome) -> None:
        """Count what became of a line."""
        if outcome is Outcome.CREATED:
            self.created += 1
        elif outcome is Outcome.TAKEN:
            reason = "Another request changes this number just now: send the line again."
            self.refused.append(Refused(number, Flaw.TAKEN, reason))
        else:
            self.updated += 1


class Imports:
    """Read tables line by line: a line that is wrong is refused alone, and nothing is lost."""

    def __init__(
        self, stores: Stores, consents: ConsentBook, plans: Plans, now: Callable[[], datetime]
    ) -> None:
        self._stores = stores
        self._customers = CustomerBatches(stores.customers, now)
        self._subscribers = SubscriberBatches(stores.subscribers, consents, now)
        self._plans = plans

    async def customers(self, owner: str, content: bytes) -> Imported:
        """Store customers from a table, found by their number; raise FileUnreadableError."""
        store = self._customers.store
        return await self._import(owner, content, CUSTOMERS, _fields, store)

    async def subscribers(self, owner: str, content: bytes) -> Imported:
        """Store subscribers from a table, found by number and list; raise FileUnreadableError."""
        store = self._subscribers.store
        return await self._import(owner, content, SUBSCRIBERS, _subscriber_in_line, store)

    async def _import(
        self,
        owner: str,
        content: bytes,
        columns: Sequence[str],
        fields_in: Callable[[Mapping[str, str]], Row],
        store: Callable[[str, Sequence[Row], str], Awaitable[list[Outcome]]],
    ) -> Imported:
        done = Imported()
        batcher = Batcher(lambda rows: store(owner, rows, "import"), done.count)
        for line in await asyncio.to_thread(read_table, content, columns):
            await asyncio.sleep(0)  # other requests do not wait for a long table
            try:
                row = fields_in(line.cells)
            except ValueError as error:
                flaw = error.flaw if isinstance(error, FlawError) else Flaw.OTHER
                done.refused.append(Refused(line.number, flaw, str(error)))
            else:
                await batcher.add(line.number, row)
        await batcher.flush()
        await self._plans.settle(owner)
        return done

    async def table_of_customers(self, owner: str) -> bytes:
        """Return all customers of an owner as a table."""
        rows = [
            {
                "name": each.name,
                "phone": each.phone,
                "language": str(each.language),
                "tags": ", ".join(each.tags),
                "notes": each.notes,
            }
            for each in await self._stores.customers.all(owner, SHOWN)
        ]
        return write_table(CUSTOMERS, rows)

    async def table_of_subscribers(self, owner: str) -> bytes:
        """Return all subscribers of an owner as a table, with what has become of each."""
        rows = [
            {
                "name": each.name,
                "phone": each.phone,
                "list": each.list,
                "language": str(each.language),
                "status": str(each.status),
            }
            for each in await self._stores.subscribers.all(owner, {})
        ]
        return write_table(SUBSCRIBERS, rows)


def subscriber_in(cells: Mapping[str, str]) -> Row:
    """Return the fields of a subscriber; raise ValueError, which says what is wrong."""
    return {"list": "news", **_fields(cells)}


def _subscriber_in_line(cells: Mapping[str, str]) -> Row:
    status = cells.get("status", "").strip()
    if status == SubscriberStatus.UNSUBSCRIBED:
        return {**subscriber_in(cells), "status": SubscriberStatus.UNSUBSCRIBED}
    if status in ("", SubscriberStatus.SUBSCRIBED):
        return subscriber_in(cells)
    raise FlawError(Flaw.NOT_SUBSCRIBED, f"This number is {status[:20]!r}, and not subscribed.")


def _fields(written: Mapping[str, str]) -> dict[str, Any]:
    cells = {
        name: on_lines(text) if name == "notes" else on_one_line(text)
        for name, text in written.items()
    }
    fields: dict[str, Any] = {"phone": phone_in(cells.get("phone", ""))}
    for name in ("name", "notes", "list"):
        if cells.get(name):
            fields[name] = cells[name]
    if cells.get("language"):
        fields["language"] = _language(cells["language"])
    if cells.get("tags"):
        parts = cells["tags"].replace(";", ",").split(",")
        fields["tags"] = _tags(tag for each in parts if (tag := on_one_line(each)))
    if re.search("[,;]", cells.get("list", "")):
        raise FlawError(Flaw.OTHER, "The name of a list has no comma and no semicolon.")
    for name, most in _LONGEST.items():
        if len(cells.get(name, "")) > most:
            raise FlawError(Flaw.TOO_LONG, f"{name} is longer than {most} characters.")
    return fields


def _tags(parts: Iterable[str]) -> tuple[str, ...]:
    tags = tuple(parts)
    if len(tags) > _MOST_TAGS or any(len(each) > _LONGEST_TAG for each in tags):
        reason = f"Give at most {_MOST_TAGS} tags, each of at most {_LONGEST_TAG} characters."
        raise FlawError(Flaw.TOO_LONG, reason)
    return tags


def _language(text: str) -> Language:
    try:
        return Language(re.split("[-_]", text.lower(), maxsplit=1)[0])
    except ValueError:
        reason = f"There is no language {text[:20]!r}: give he or en."
        raise FlawError(Flaw.LANGUAGE, reason) from None
