"""A worker that is asked to end a login whose page does not come up, or that never was."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.connection.command_watch import CommandWatch
from chatgrow_worker.connection.logout import Logout
from chatgrow_worker.connection.page_session import LoggedOutError
from chatgrow_worker.page.errors import PageNotLoadedError
from chatgrow_worker.page.login_end import LoginEnd
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.common.errors import LeaseLostError
from sessions.connections.commands import CommandRequests
from sessions.connections.model import Proxy
from sessions.connections.states import ConnectionState, Reason
from tests.blob_profiles import login, write_profile
from tests.builders import LONG, Stores
from tests.integration.pageless import NoPages, PagelessWorker, pageless_worker
from tests.integration.ready_pages import READY, ReadyPage
from tests.logged import logged
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis


async def test_a_page_that_never_comes_up_does_not_keep_a_login(
    worker: PagelessWorker[NoPages],
) -> None:
    connection = await worker.linked()
    await worker.requests.log_out(connection.id)
    assert await worker.pool.take(connection.id)
    after = await worker.ended(connection)
    assert (after.state, after.reason) == (ConnectionState.LOGGED_OUT, Reason.STILL_LISTED)
    assert worker.pages.opened
    assert not worker.pages.profile(connection.id).exists()
    assert not await worker.pool.take(connection.id)


async def test_what_the_owner_before_has_logged_out_needs_no_page(
    worker: PagelessWorker[NoPages],
) -> None:
    connection = await worker.linked()
    await worker.requests.log_out(connection.id)
    lease = await worker.stores.leases("before").acquire(connection.id)
    assert lease is not None
    await worker.requests.note(lease, Reason.LOGGED_OUT_BY_REQUEST)
    await worker.stores.leases("before").release(lease, Reason.WAITING_FOR_WORKER)
    assert await worker.pool.take(connection.id)
    after = await worker.ended(connection)
    assert (after.state, after.reason) == (
        ConnectionState.LOGGED_OUT,
        Reason.LOGGED_OUT_BY_REQUEST,
    )
    assert worker.pages.opened == []


async def test_what_was_never_linked_is_logged_out_without_a_page(
    worker: PagelessWorker[NoPages],
) -> None:
    connection = await worker.stores.connection()
    await worker.requests.log_out(connection.id)
    assert await worker.pool.take(connection.id)
    after = await worker.ended(connection)
    assert (after.state, after.reason) == (
        ConnectionState.LOGGED_OUT,
        Reason.LOGGED_OUT_BY_REQUEST,
    )
    assert worker.pages.opened == []


class _QrPages(NoPages):
    """Shows a QR code whatever the profile, as for a phone that was never linked."""

    def open(
        self,
        connection: str,
        restore_local_storage: dict[str, str] | None = None,
        proxy: Proxy | None = None,
    ) -> AbstractAsyncContextManager[Browser]:
        raise LoggedOutError(Reason.LOGIN_LOST)


async def test_what_was_never_linked_warns_of_no_login_as_it_is_logged_out(
    stores: Stores, redis: ArqRedis, tmp_path: Path
) -> None:
    pages = _QrPages(tmp_path / "profiles")
    async with pageless_worker(stores, redis, tmp_path, pages) as worker:
        connection = await stores.connection()
        write_profile(pages.profile(connection.id), login(b"of nobody"))
        await worker.requests.log_out(connection.id)
        with logged("WARNING") as lines:
            assert await worker.pool.take(connection.id)
            await worker.ended(connection)
    assert not [line for line in lines if "login" in line]


async def test_a_full_worker_still_deletes(worker: PagelessWorker[NoPages]) -> None:
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


async def test_a_page_that_logs_out_too_fast_to_say_so_is_logged_out() -> None:
    page = _HastyPage()
    logout = Logout(cast("WhatsAppPage", page), LoginEnd(), math.inf, LONG, lambda: None)
    with pytest.raises(LoggedOutError) as logged_out:
        await logout.run(asyncio.Event())
    assert logged_out.value.reason is Reason.LOGGED_OUT_BY_REQUEST


async def test_a_logout_takes_no_login_back_while_the_lease_is_not_certain() -> None:
    def check_lease() -> None:
        raise LeaseLostError("not ours for certain")

    page = ReadyPage()
    page.shows = READY.model_copy(update={"stream": "DISCONNECTED", "comms_stopped": True})
    soon = time.monotonic() + 5
    logout = Logout(cast("WhatsAppPage", page), LoginEnd(), soon, LONG, check_lease, timedelta(0))
    with pytest.raises(LeaseLostError):
        await logout.run(asyncio.Event())
    assert page.reloads == 0


class _HastyPage(ReadyPage):
    """A page that has loaded anew before it could answer that it logs out."""

    async def log_out(self) -> None:
        self.shows = READY.model_copy(update={"mode": "QR", "authenticated": False})
        raise PageNotLoadedError


async def test_what_is_asked_ends_the_page_at_hand_once(stores: Stores) -> None:
    connection, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    requests, ending, done = CommandRequests(stores.database), asyncio.Event(), asyncio.Event()
    watch = CommandWatch(requests, connection.id, ending, LONG)
    following = asyncio.create_task(watch.follow(done))
    await requests.restart(connection.id)
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
    await requests.log_out(connection.id)
    watch.asked.set()
    await until(watch.turn.is_set)
    assert watch.leaving
    ending.set()
    await following
    await watch.current()
    assert watch.turn.is_set(), "a connection that shall end opens no page"
