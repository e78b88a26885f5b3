"""Know which pages are connected, and reach them or the devices behind them."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.whatsapp_web.database import Database


class Page(Protocol):
    """One connected page, as the rest of the server sees it."""

    number: str | None
    proved: str | None
    device_id: str | None

    async def push(self, kind: str, /, **fields: Any) -> bool:
        """Send something that the page did not ask for; False when it could not be sent."""

    async def drop(self) -> None:
        """Cut the connection."""


_KEEP = "INSERT INTO mailbox (frame, device) SELECT ?, id FROM device WHERE id = ?"
"""A device that was unlinked meanwhile is told nothing more."""


@dataclass(frozen=True)
class _Mail:
    """What one device is told, until it has confirmed that."""

    device_id: str
    frame: dict[str, Any]


class Switchboard:
    """The pages that are connected now, by device, and the mailboxes of those that are not.

    What a page has not confirmed when it goes is in the mailbox again, and comes once more: a page
    may die with what it was just told. Clients answer each stanza with an ack (`sendMessageAck` in
    Baileys); what has none is taken to come again. A kill of the service forgets what is open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages: set[Page] = set()
        self._numbers = itertools.count(1)
        self._unconfirmed: dict[Page, dict[int, _Mail]] = defaultdict(dict)

    def add(self, page: Page) -> None:
        """Remember a page from its first frame on."""
        self._pages.add(page)

    async def remove(self, page: Page) -> None:
        """Forget a page that is gone."""
        self._pages.discard(page)
        await self.put_back(page)

    def confirm(self, page: Page, numbers: Iterable[int]) -> None:
        """Note what a page has handled."""
        unconfirmed = self._unconfirmed.get(page, {})
        for number in numbers:
            unconfirmed.pop(number, None)

    async def put_back(self, page: Page) -> None:
        """Return what a page has not confirmed to the mailbox."""
        await self._keep(*self._unconfirmed.pop(page, {}).values())

    async def close(self) -> None:
        """Keep what no page has confirmed for the next start."""
        for page in list(self._unconfirmed):
            await self.put_back(page)

    def online(self, device_id: str) -> Page | None:
        """Return the page that a device is logged in with."""
        return next((page for page in self._pages if page.device_id == device_id), None)

    def pages(self, number: str | None = None) -> list[Page]:
        """Return the connected pages of a number, or all pages."""
        return [page for page in self._pages if number is None or page.number == number]

    async def deliver(self, device_ids: Iterable[str], push: str, /, **fields: Any) -> None:
        """Send to devices, keeping it for those that are away."""
        for device_id in device_ids:
            await self._hand_over(_Mail(device_id, {"push": push, **fields}))

    async def deliver_mail(self, device_id: str) -> int:
        """Send a device what waited for it, oldest first; return how much it was."""
        kept = await self._take_mail(device_id)
        for mail in kept:
            await self._hand_over(mail, offline=True)
        return len(kept)

    async def _hand_over(self, mail: _Mail, **more: Any) -> None:
        """Send, and remember until it is confirmed; what cannot be sent is put back at the end."""
        page = self.online(mail.device_id)
        if page is None:
            await self._keep(mail)
            return
        number = next(self._numbers)
        self._unconfirmed[page][number] = mail
        fields = dict(mail.frame)
        await page.push(fields.pop("push"), mail=number, **fields, **more)

    async def _take_mail(self, device_id: str) -> list[_Mail]:
        def work(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = connection.execute(
                "SELECT frame FROM mailbox WHERE device = ? ORDER BY seq", (device_id,)
            ).fetchall()
            connection.execute("DELETE FROM mailbox WHERE device = ?", (device_id,))
            return rows

        rows = await self._database.transact(work)
        return [_Mail(device_id, json.loads(row["frame"])) for row in rows]

    async def _keep(self, *mail: _Mail) -> None:
        rows = [(json.dumps(each.frame), each.device_id) for each in mail]
        await self._database.transact(lambda connection: connection.executemany(_KEEP, rows))
