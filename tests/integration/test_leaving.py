"""A worker that is asked to end a login whose page does not come up, or that never was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from chatgrow_worker.assembly import assemble_parts
from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.notes import ProfileNote, write_note
from chatgrow_worker.connections.command_watch import CommandWatch
from chatgrow_worker.connections.pool import ConnectionPool
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.settings import WorkerSettings
from sessions.commands import CommandDesk
from sessions.connections import Connection, Proxy
from sessions.program import Stores as Servers
from sessions.removals import Removals
from sessions.states import ConnectionState, Reason
from tests.blob_profiles import login, write_profile
from tests.builders import LONG, Stores
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis


@dataclass
class NoPages:
    """Opens no page, ever."""

    root: Path
    opened: list[str] = field(default_factory=list)

    def profile(self, connection: str) -> Path:
        return self.root / connection

    def open(
        self, connection: str, heal: dict[str, str] | None = None, proxy: Proxy | None = None
    ) -> AbstractAsyncContextManager[Browser]:
        self.opened.append(connection)
        raise PageBrokenError(Reason.PAGE_UNREACHABLE)


@dataclass
class Worker:
    """A worker without browsers, and the desks of those who ask."""

    stores: Stores
    pages: NoPages
    pool: ConnectionPool
    desk: CommandDesk
    removals: Removals

    async def linked(self) -> Connection:
        """Store a connection that was linked, whose login is on this worker's disk."""
        connection, lease = await self.stores.leased("before")
        for here, there in (
            (ConnectionState.STARTING, ConnectionState.SYNCING),
            (ConnectionState.SYNCING, ConnectionState.CONNECTED),
        ):
            await self.stores.connections.move(lease, here, there, None, "+972501111111")
        profile = write_profile(self.pages.profile(connection.id), login(b"local"))
        write_note(profile, ProfileNote(generation=lease.generation, clean=True))
        await self.stores.connections.want(connection, "stopped")
        await self.stores.leases("before").release(lease, Reason.WAITING_FOR_WORKER)
        return connection

    async def ended(self, connection: Connection) -> Connection:
        """Wait until nobody runs the connection; return it."""

        async def free() -> bool:
            return not (await self.stores.connections.get(connection.id)).leased

        await until(free)
        return await self.stores.connections.get(connection.id)


@pytest.fixture
async def worker(stores: Stores, redis: ArqRedis, tmp_path: Path) -> AsyncIterator[Worker]:
    settings = WorkerSettings(
        _env_file=None,
        data_dir=tmp_path,
        worker_id="one",
        whatsapp_max_connections=1,
        logout_limit=timedelta(seconds=0.5),
    )
    pages = NoPages(tmp_path / "profiles")
    servers = Servers(stores.database, redis, "")
    parts = await assemble_parts(
        settings, servers, stores.events, cast("Launcher", pages), "instance"
    )
    pool = ConnectionPool(parts, "one", "instance", settings.whatsapp_max_connections)
    yield Worker(stores, pages, pool, parts.commands, parts.removals)
    await pool.close(LONG, at_once=1)


async def test_a_page_that_never_comes_up_does_not_keep_a_login(worker: Worker) -> None:
    connection = await worker.linked()
    await worker.desk.log_out(connection.id)
    assert await worker.pool.take(connection.id)
    after = await worker.ended(connection)
    assert (after.state, after.reason) == (ConnectionState.LOGGED_OUT, Reason.STILL_LISTED)
    assert worker.pages.opened
    assert not worker.pages.profile(connection.id).exists()
    assert not await worker.pool.take(connection.id)


async def test_what_the_owner_before_has_logged_out_needs_no_page(worker: Worker) -> None:
    connection = await worker.linked()
    await worker.desk.log_out(connection.id)
    lease = await worker.stores.leases("before").acquire(connection.id)
    assert lease is not None
    await worker.desk.note(lease, Reason.LOGGED_OUT_BY_REQUEST)
    await worker.stores.leases("before").release(lease, Reason.WAITING_FOR_WORKER)
    assert await worker.pool.take(connection.id)
    after = await worker.ended(connection)
    assert (after.state, after.reason) == (
        ConnectionState.LOGGED_OUT,
        Reason.LOGGED_OUT_BY_REQUEST,
    )
    assert worker.pages.opened == []


async def test_what_was_never_linked_is_logged_out_without_a_page(worker: Worker) -> None:
    connection = await worker.stores.connection()
    await worker.desk.log_out(connection.id)
    assert await worker.pool.take(connection.id)
    after = await worker.ended(connection)
    assert (after.state, after.reason) == (
        ConnectionState.LOGGED_OUT,
        Reason.LOGGED_OUT_BY_REQUEST,
    )
    assert worker.pages.opened == []


async def test_a_full_worker_still_deletes(worker: Worker) -> None:
    connection = await worker.linked()
    running = await worker.stores.connection("running")
    other = await worker.stores.connection("other")
    assert await worker.pool.take(running.id)
    assert not await worker.pool.take(other.id)
    await worker.removals.begin(connection)
    assert await worker.pool.take(connection.id)

    async def gone() -> bool:
        named = {"_id": connection.id}
        return await worker.stores.database["connections"].count_documents(named) == 0

    await until(gone)
    await until(lambda: not worker.pool.runs(connection.id))
    assert not worker.pages.profile(connection.id).exists()
    assert worker.pool.runs(running.id)


async def test_what_is_asked_ends_the_page_at_hand_once(stores: Stores) -> None:
    connection, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    desk, ending, done = CommandDesk(stores.database), asyncio.Event(), asyncio.Event()
    watch = CommandWatch(desk, connection.id, ending, LONG)
    following = asyncio.create_task(watch.follow(done))
    await desk.restart(connection.id)
    watch.asked.set()
    await until(watch.turn.is_set)
    restart = await watch.current()
    assert restart is not None
    assert not restart.leaves
    # The same again, as at each renewal of the lease, is nothing new.
    watch.asked.set()
    await until(lambda: not watch.asked.is_set())
    assert await watch.current() == restart
    assert not watch.turn.is_set()
    await desk.log_out(connection.id)
    watch.asked.set()
    await until(watch.turn.is_set)
    assert watch.leaving
    ending.set()
    await following
    await watch.current()
    assert watch.turn.is_set(), "a connection that shall end opens no page"
