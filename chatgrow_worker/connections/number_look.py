"""Find out whether a number is on WhatsApp before a message is sent there."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Protocol

from chatgrow_worker.connections.waiting import happens
from chatgrow_worker.connections.written_to import WrittenTo
from sessions.send_queue import SendQueue


class NumberPage(Protocol):
    """What is asked of a page; `WhatsAppPage` is the real one."""

    async def exists(self, chat_id: str) -> bool:
        """Ask whether a number is on WhatsApp; a no can also be an error of the moment."""

    async def is_registered(self, chat_id: str) -> bool:
        """Ask WhatsApp's server the same; an error is no answer."""


class NumberLook:
    """Asks once a day: asking for many numbers is what gets a number banned."""

    def __init__(
        self, page: NumberPage, queue: SendQueue, written_to: WrittenTo, recheck: timedelta
    ) -> None:
        self._page = page
        self._queue = queue
        self._written_to = written_to
        self._recheck = recheck

    async def is_on_whatsapp(self, chat_id: str, stop: asyncio.Event) -> bool | None:
        """Tell whether a number is there, by two looks apart; None when `stop` came between.

        The first makes a no of an error of the moment; the second raises PageCallError.
        """
        if not chat_id.endswith("@c.us") or chat_id in self._written_to:
            return True
        if await self._queue.knows_number(chat_id):
            return True
        if not await self._page.exists(chat_id):
            if await happens(stop, self._recheck):
                return None
            if not await self._page.is_registered(chat_id):
                return False
        await self._queue.remember_number(chat_id)
        return True
