"""Run one connection under its lease: open a page, follow it, begin again when it breaks."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from loguru import logger

from chatgrow_worker.connections.lease_keeper import LeaseKeeper
from chatgrow_worker.connections.parts import Parts
from chatgrow_worker.connections.qr import QrNotScannedError
from chatgrow_worker.connections.reporter import StateReporter
from chatgrow_worker.connections.visit import LoggedOutError, Visit
from chatgrow_worker.connections.waiting import Backoff, happens
from chatgrow_worker.page.errors import PageBrokenError
from sessions.connections import Connection
from sessions.errors import LeaseLostError
from sessions.leases import Lease
from sessions.mongo import STORE_DOWN, brief
from sessions.states import ConnectionState, Reason

_PAUSE = timedelta(seconds=1)


class ConnectionRunner:
    """The owner of one connection in this worker, from lease to release."""

    def __init__(self, parts: Parts, lease: Lease, connection: Connection) -> None:
        self._parts = parts
        self._lease = lease
        self._was_linked = connection.linked_number is not None
        self._ending = asyncio.Event()
        self._doorbell = asyncio.Event()
        self._reporter = StateReporter(parts.connections, lease, connection.connection_id)
        limits = parts.limits
        self._keeper = LeaseKeeper(parts.leases, lease, limits.lease_ttl, limits.lease_margin)
        self._backoff = Backoff(limits.restart_first, limits.restart_cap)
        self._log = logger.bind(connection=connection.connection_id)

    def ring(self) -> None:
        """Say that a message may be due."""
        self._doorbell.set()

    def end(self) -> None:
        """Ask to finish the message in hand, close the page and give the lease back."""
        self._ending.set()

    async def run(self) -> None:
        """Run until `end` is called, the lease is lost or the connection rests."""
        done = asyncio.Event()
        try:
            # A lost lease cancels whatever the page is doing: another owner may open it next.
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keeper.keep(self._ending, done), name="lease keeper")
                await self._run_pages()
                done.set()
        except* LeaseLostError as errors:
            self._log.warning("The lease is lost: {}", errors.exceptions[0])
        finally:
            await self._release()

    async def _run_pages(self) -> None:
        while not self._ending.is_set():
            try:
                await self._run_one_page()
            except PageBrokenError as error:
                await self._after_break(error)
            except LoggedOutError as error:
                await self._rest(ConnectionState.LOGGED_OUT, error.reason)
            except QrNotScannedError:
                await self._rest(ConnectionState.STOPPED, Reason.QR_NOT_SCANNED)
            except STORE_DOWN as error:
                self._log.warning("MongoDB is away: {}", brief(error))
                await happens(self._ending, _PAUSE)

    async def _run_one_page(self) -> None:
        async with self._parts.pages.open(self._lease.connection) as page:
            visit = Visit(
                page=page,
                parts=self._parts,
                lease=self._lease,
                reporter=self._reporter,
                doorbell=self._doorbell,
                check_lease=self._keeper.check,
                was_linked=self._was_linked,
            )
            try:
                await visit.run(self._ending)
            finally:
                self._was_linked = visit.was_linked

    async def _after_break(self, error: PageBrokenError) -> None:
        if self._reporter.state is ConnectionState.CONNECTED:
            self._backoff.reset()
        wait = self._backoff.next()
        self._log.warning(
            "The page broke ({}); again in {:.1f} s: {}", error.reason, wait.total_seconds(), error
        )
        await self._reporter.report(ConnectionState.DISCONNECTED, error.reason)
        await happens(self._ending, wait)
        if not self._ending.is_set():
            await self._reporter.report(ConnectionState.STARTING, Reason.BROWSER_STARTING)

    async def _rest(self, state: ConnectionState, reason: Reason) -> None:
        """Stop running until a person starts the connection again."""
        await self._reporter.report(state, reason)
        await self._reporter.retire()
        self._ending.set()

    async def _release(self) -> None:
        try:
            await self._parts.leases.release(self._lease, Reason.WAITING_FOR_WORKER)
        except STORE_DOWN as error:
            self._log.warning("The lease runs out by itself, MongoDB is away: {}", brief(error))
