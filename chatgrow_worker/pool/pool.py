"""The connections that this worker runs: take free ones, and end them in order."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import AbstractContextManager
from datetime import timedelta

from loguru import logger

from chatgrow_worker.connection.runner import ConnectionRunner
from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.pool.handover import Handover, Running
from chatgrow_worker.pool.takeover_order import in_turn
from sessions.common.errors import ConnectionNotFoundError
from sessions.connections.leases import Lease
from sessions.connections.model import Connection
from sessions.queue.doorbell import Ring

_LEFT_TO_OTHERS = timedelta(seconds=5)
"""How long a fuller worker leaves a free connection to the others."""
_LEFT_TO_OWNERS = timedelta(seconds=5)
"""How long leases that expired while MongoDB was away are left to their previous owners."""


class ConnectionPool:
    """Run at most `capacity` connections, each in its own task.

    A full pool still takes one connection that is to be logged out or deleted, so that this does
    not have to wait until another connection stops.

    At the start, and after MongoDB was away, it first takes only connections that had no owner or
    that it owned itself: the profile on their owner's disk is newer than the login in MongoDB.
    """

    def __init__(self, services: WorkerServices, worker: str, instance: str, capacity: int) -> None:
        self._services = services
        self._worker = worker
        self._instance = instance
        self.capacity = capacity
        self._running: dict[str, tuple[ConnectionRunner, asyncio.Task[None]]] = {}
        self._taking = asyncio.Lock()
        self._closed = False
        self._spares_until = math.inf
        self._was_silent = False

    @property
    def running(self) -> int:
        """The number of connections that run here."""
        return len(self._running)

    def connections(self) -> list[Connection]:
        """Return the connections that run here, as they were when they were taken."""
        return [runner.connection for runner, _ in self._running.values()]

    def runs(self, connection: str) -> bool:
        """Tell whether a connection runs here."""
        return connection in self._running

    def ring(self, ring: Ring, connection: str) -> None:
        """Pass a ring on to a connection, if it runs here."""
        if found := self._running.get(connection):
            runner, _ = found
            if ring is Ring.DISPATCH:
                runner.ring()
            else:
                runner.look()

    def look_all(self) -> None:
        """Tell all connections that run here to look at their records and pages."""
        for runner, _ in self._running.values():
            runner.look()

    def wake_all(self) -> None:
        """Tell all connections that run here to look for messages, too: rings may be lost."""
        for runner, _ in self._running.values():
            runner.ring()
            runner.look()

    async def take(self, connection: str | None = None) -> bool:
        """Take this connection, or any free one, and run it; tell whether one was taken."""
        async with self._taking:
            if self._closed or self.running > self.capacity:
                return False
            full = self.running == self.capacity
            free_for = await self._patience()
            asked_at = time.monotonic()
            lease = await self._services.leases.acquire(
                connection,
                self._running,
                free_for,
                only_leaving=full,
                spare_others=self._spares_others(),
            )
            if lease is None:
                return False
            await self._start(lease, asked_at)
            await self.beat()
            return True

    async def leaves(self, connection: str) -> bool:
        """Tell whether a free connection was left to its previous owner or a less full worker."""
        if self._closed or self.running >= self.capacity:
            return False
        if not self._spares_others() and await self._is_our_turn():
            return False
        try:
            found = await self._services.connections.get(connection, deleted_too=True)
        except ConnectionNotFoundError:
            return False
        return not found.leased

    async def beat(self) -> None:
        """Write a heartbeat: this worker is alive, how full it is, and how full its disk is."""
        registry, disk = self._services.registry, self._services.limits.disk.state()
        await registry.beat(self._worker, self._instance, self.running, self.capacity, disk)

    async def _is_our_turn(self) -> bool:
        others = await self._services.registry.loads(but=self._worker)
        return all(self.running / self.capacity <= load for load in others)

    def mongo_was_away(self) -> None:
        """Leave expired leases to their previous owners, until a while after `take_all` works."""
        self._spares_until = math.inf

    def _note_answer(self, asked: float) -> None:
        """Note that MongoDB has answered a query that was sent then, by the monotonic clock."""
        now = time.monotonic()
        silent = now - asked > self._services.limits.lease_ttl.total_seconds() / 3
        # If it is always slow, it was not away: otherwise nobody would take over from dead workers.
        if silent and not self._was_silent:
            self.mongo_was_away()
        self._was_silent = silent
        self._spares_until = min(self._spares_until, now + _LEFT_TO_OWNERS.total_seconds())

    def _spares_others(self) -> bool:
        return time.monotonic() < self._spares_until

    async def take_all(self) -> None:
        """Take free connections, fairly among owners, as long as there is room.

        A worker that is fuller than another one leaves them to that one for a while.
        """
        full = self.running >= self.capacity
        asked = time.monotonic()
        is_any_free = await self._services.leases.is_any_free(self._running, only_leaving=full)
        self._note_answer(asked)
        if not is_any_free:
            return
        while await self._take_in_turn():
            pass

    async def _take_in_turn(self) -> bool:
        """Take as many free connections as there is room for; tell whether any was taken."""
        room = self.capacity - self.running
        free = await self._services.leases.free(
            self._running,
            await self._patience(),
            only_leaving=room <= 0,
            spare_others=self._spares_others(),
        )
        if not free:
            return False
        running = await self._services.leases.running_by_owner()
        depths = await self._services.outbox.depths([each.id for each in free])
        waiting = {connection: depth.queued for connection, depth in depths.items()}
        chosen = in_turn(free, running, waiting)[: max(1, room)]
        return any([await self.take(each) for each in chosen])

    async def _patience(self) -> timedelta:
        """Return how long a connection must have been free before this worker takes it."""
        return timedelta(0) if await self._is_our_turn() else _LEFT_TO_OTHERS

    async def close(self, within: timedelta, at_once: int) -> None:
        """Hand connections over, `at_once` at a time, and end the others in order.

        The handover may take half of the time; tasks that have not ended in time are cancelled.
        """
        async with self._taking:
            self._closed = True
        running = {task: runner for runner, task in self._running.values()}
        if not running:
            return
        over = time.monotonic() + within.total_seconds()
        await Handover(self._services, self._worker, at_once).give(running, within / 2)
        await self._end(running, timedelta(seconds=max(0.0, over - time.monotonic())))

    async def _end(self, running: Running, within: timedelta) -> None:
        for runner in running.values():
            runner.end()
        _, late = await asyncio.wait(running, timeout=within.total_seconds())
        for task in late:
            with _about(running[task].connection):
                logger.error("The connection did not end in time and is cancelled")
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _start(self, lease: Lease, asked_at: float) -> None:
        connection = await self._services.connections.get(lease.connection, deleted_too=True)
        runner = ConnectionRunner(self._services, lease, connection, asked_at)
        task = asyncio.create_task(runner.run(), name=f"connection {lease.connection}")
        self._running[lease.connection] = (runner, task)
        task.add_done_callback(lambda done: self._ended(connection, done))

    def _ended(self, connection: Connection, task: asyncio.Task[None]) -> None:
        self._running.pop(connection.id, None)
        if not task.cancelled() and (error := task.exception()):
            with _about(connection):
                logger.opt(exception=error).error("A connection failed unexpectedly")


def _about(connection: Connection) -> AbstractContextManager[None]:
    """Bind log lines inside the block to the connection."""
    return logger.contextualize(owner=connection.owner, connection=connection.connection_id)
