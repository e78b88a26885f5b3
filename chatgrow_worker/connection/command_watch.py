"""Notice commands for a connection, when the doorbell rings or when the lease is renewed."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from loguru import logger

from chatgrow_worker.waiting import any_of, happens
from sessions.connections.commands import CommandRequests, PendingCommand
from sessions.connections.states import Reason
from sessions.storage.mongo import STORE_DOWN, brief

_PAUSE = timedelta(seconds=1)
_LONG = timedelta(hours=1)


class CommandWatch:
    """Follow the pending command of one connection.

    `turn` is set when the open page has to end: a command has come, or the connection is to end.
    """

    def __init__(
        self,
        requests: CommandRequests,
        connection: str,
        ending: asyncio.Event,
        logout_within: timedelta,
    ) -> None:
        self._requests = requests
        self._connection = connection
        self._ending = ending
        self._logout_within = logout_within.total_seconds()
        self._seen: PendingCommand | None = None
        self._reading = asyncio.Lock()
        self._give_up: float | None = None
        self.asked = asyncio.Event()
        self.turn = asyncio.Event()

    @property
    def leaving(self) -> bool:
        """Whether the pending command ends the login."""
        return self._seen is not None and self._seen.leaves

    @property
    def because(self) -> Reason | None:
        """Why the worker itself ends the login; None when a person asked for it."""
        return self._seen.because if self._seen else None

    @property
    def give_up(self) -> float:
        """When to give up a logout, on the monotonic clock; the time starts when it is seen."""
        if self._give_up is None:
            self._give_up = time.monotonic() + self._logout_within
        return self._give_up

    async def current(self) -> PendingCommand | None:
        """Read what is pending before a new page is opened; raise STORE_DOWN errors."""
        async with self._reading:
            if not self._ending.is_set():
                self.turn.clear()
            self._seen = await self._requests.pending(self._connection)
            return self._seen

    async def follow(self, done: asyncio.Event) -> None:
        """Set `turn` when a new command is pending, until `done` is set."""
        while not done.is_set():
            await any_of(self.asked, self._ending, done, within=_LONG)
            if self._ending.is_set():
                self.turn.set()
                return
            self.asked.clear()
            try:
                await self._look()
            except STORE_DOWN as error:
                logger.debug("Cannot read commands, MongoDB is away or refuses: {}", brief(error))
                self.asked.set()
                await happens(self._ending, _PAUSE)

    async def _look(self) -> None:
        async with self._reading:
            found = await self._requests.pending(self._connection)
            if found is not None and (self._seen is None or found.id != self._seen.id):
                self._seen = found
                self.turn.set()
