"""Know which pages are connected, and reach them or the devices behind them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
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


class Switchboard:
    """The pages that are connected now, by device, and the mailboxes of those that are not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages: set[Page] = set()

    def add(self, page: Page) -> None:
        """Remember a page from its first frame on."""
        self._pages.add(page)

    def remove(self, page: Page) -> None:
        """Forget a page that is gone."""
        self._pages.discard(page)

    def online(self, device_id: str) -> Page | None:
        """Return the page that a device is logged in with."""
        return next((page for page in self._pages if page.device_id == device_id), None)

    def pages(self, number: str | None = None) -> list[Page]:
        """Return the connected pages of a number, or all pages."""
        return [page for page in self._pages if number is None or page.number == number]

    async def deliver(self, device_ids: Iterable[str], push: str, /, **fields: Any) -> int:
        """Send to devices, keeping it for those that are away; return how many got it now."""
        reached = 0
        for device_id in device_ids:
            page = self.online(device_id)
            if page is not None and await page.push(push, **fields):
                reached += 1
            else:
                await self._keep(device_id, {"push": push, **fields})
        return reached

    async def take_mail(self, device_id: str) -> list[dict[str, Any]]:
        """Return and forget what waited for a device, oldest first."""

        def work(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = connection.execute(
                "SELECT frame FROM mailbox WHERE device = ? ORDER BY seq", (device_id,)
            ).fetchall()
            connection.execute("DELETE FROM mailbox WHERE device = ?", (device_id,))
            return rows

        rows = await self._database.transact(work)
        return [json.loads(row["frame"]) for row in rows]

    async def _keep(self, device_id: str, frame: dict[str, Any]) -> None:
        await self._database.write(
            "INSERT INTO mailbox (device, frame) VALUES (?, ?)", device_id, json.dumps(frame)
        )
