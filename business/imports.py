"""Customers and subscribers from tables, and back into tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from business.csv_files import Imported, Line, Refused, phone_in, read_table, write_table
from business.customers import Customers
from business.errors import ExistsError
from business.model import Customer, Language, Subscriber
from business.store import Store
from business.subscribers import Subscribers
from sessions.common.ids import new_id

CUSTOMERS = ("name", "phone", "language", "tags", "notes")
SUBSCRIBERS = ("name", "phone", "list", "language")
_LONGEST = {"name": 200, "notes": 4000, "tags": 1000, "list": 50}


class Imports:
    """Read tables line by line: a line that is wrong is refused alone, and nothing is lost."""

    def __init__(
        self,
        customers: Customers,
        subscribers: Subscribers,
        subscriber_store: Store[Subscriber],
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._subscribers = subscribers
        self._subscriber_store = subscriber_store
        self._now = now

    async def customers(self, owner: str, content: bytes) -> Imported:
        """Store customers from a table, found by their number; raise FileUnreadableError."""
        return await _each(read_table(content, CUSTOMERS), lambda line: self._customer(owner, line))

    async def subscribers(self, owner: str, content: bytes) -> Imported:
        """Store subscribers from a table; one that is on the list already is left as it is."""
        lines = read_table(content, SUBSCRIBERS)
        return await _each(lines, lambda line: self._subscriber(owner, line))

    async def _customer(self, owner: str, line: Line) -> bool:
        fields = _fields(line)
        if not fields.get("name"):
            raise ValueError("The name is missing.")
        if known := await self._customers.by_phone(owner, fields["phone"]):
            await self._customers.change(known, fields, {}, "import")
            return False
        new = Customer(id=new_id(), owner=owner, created_at=self._now(), **fields)
        await self._customers.add(new, {}, "import")
        return True

    async def _subscriber(self, owner: str, line: Line) -> bool:
        fields = {"list": "news", **_fields(line)}
        new = Subscriber(id=new_id(), owner=owner, created_at=self._now(), **fields)
        try:
            await self._subscribers.add(new, "import")
        except ExistsError:
            return False
        return True

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
            for each in await self._customers.all(owner)
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
            for each in await self._subscriber_store.all(owner, {})
        ]
        return write_table((*SUBSCRIBERS, "status"), rows)


async def _each(lines: Sequence[Line], store: Callable[[Line], Awaitable[bool]]) -> Imported:
    """Store each line; `store` says whether it made something new, or raises ValueError."""
    done = Imported()
    for line in lines:
        try:
            if await store(line):
                done.created += 1
            else:
                done.updated += 1
        except ValueError as error:
            done.refused.append(Refused(line.number, str(error)))
    return done


def _fields(line: Line) -> dict[str, Any]:
    """Return the fields that a line has; raise ValueError, which says what is wrong."""
    cells: Mapping[str, str] = {name: text.strip() for name, text in line.cells.items()}
    fields: dict[str, Any] = {"phone": phone_in(cells.get("phone", ""))}
    for name in ("name", "notes", "list"):
        if cells.get(name):
            fields[name] = cells[name]
    if cells.get("language"):
        fields["language"] = _language(cells["language"])
    if cells.get("tags"):
        parts = cells["tags"].replace(";", ",").split(",")
        fields["tags"] = tuple(each.strip() for each in parts if each.strip())
    for name, most in _LONGEST.items():
        if len(cells.get(name, "")) > most:
            raise ValueError(f"{name} is longer than {most} characters.")
    return fields


def _language(text: str) -> Language:
    try:
        return Language(text.lower())
    except ValueError:
        raise ValueError(f"There is no language {text[:20]!r}: give he or en.") from None
