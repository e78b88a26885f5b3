"""Hand connections over to other workers, a few at a time, so that each is down only briefly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta

from loguru import logger

from chatgrow_worker.connection.runner import ConnectionRunner
from chatgrow_worker.connection.services import WorkerServices
from sessions.common.errors import ConnectionNotFoundError
from sessions.connections.states import ConnectionState
from sessions.storage.mongo import STORE_DOWN, brief

Running = Mapping[asyncio.Task[None], ConnectionRunner]

_TAKEN_WITHIN = timedelta(seconds=6)
_UP_WITHIN = timedelta(seconds=20)
_LOOK_EVERY = timedelta(milliseconds=200)


class Handover:
    """End runners, `at_once` at a time, and wait until another worker runs each connection.

    `at_once` is as many as a worker starts at a time: more would only wait there.
    """

    def __init__(self, services: WorkerServices, worker: str, at_once: int) -> None:
        self._services = services
        self._worker = worker
        self._slots = asyncio.Semaphore(at_once)

    async def give(self, running: Running, within: timedelta) -> None:
        """Hand over as many connections as others have room for, and as `within` allows."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                room = await self._services.registry.room(but=self._worker)
                given = list(running.items())[:room]
                logger.info("Handing over {} connections", len(given))
                await asyncio.gather(*(self._give_one(task, runner) for task, runner in given))
        except TimeoutError:
            logger.warning("The handover takes too long; the remaining connections end at once")
        except STORE_DOWN as error:
            logger.warning("Nothing is handed over, MongoDB is away or refuses: {}", brief(error))

    async def _give_one(self, task: asyncio.Task[None], runner: ConnectionRunner) -> None:
        async with self._slots:
            runner.end()
            await asyncio.wait({task})
            await self._services.doorbell.start_connection(runner.connection.id)
            await self._until_it_runs(runner.connection.id)

    async def _until_it_runs(self, connection: str) -> None:
        """Wait until another worker runs the connection, but not for too long."""
        began = time.monotonic()
        # Polled, since the other worker sends us no event.
        while not await self._is_settled(  # noqa: ASYNC110
            connection, timedelta(seconds=time.monotonic() - began)
        ):
            await asyncio.sleep(_LOOK_EVERY.total_seconds())

    async def _is_settled(self, connection: str, after: timedelta) -> bool:
        try:
            found = await self._services.connections.get(connection)
        except ConnectionNotFoundError:
            return True
        if found.desired == "stopped":
            return True
        if not found.leased:
            return after > _TAKEN_WITHIN
        return found.state is not ConnectionState.STARTING or after > _UP_WITHIN
