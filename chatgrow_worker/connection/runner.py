"""Run one connection under its lease: open a page, follow it, open a new one when it breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from loguru import logger

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.connection.command_watch import CommandWatch
from chatgrow_worker.connection.lease_keeper import LeaseKeeper
from chatgrow_worker.connection.logout import Logout
from chatgrow_worker.connection.number_guard import NumberGuard
from chatgrow_worker.connection.page_session import LoggedOutError
from chatgrow_worker.connection.page_session_factory import PageSessionFactory
from chatgrow_worker.connection.profile_fallback import ProfileFallback
from chatgrow_worker.connection.qr import QrNotScannedError
from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.connection.state_reporter import StateReporter
from chatgrow_worker.login.saver import LoginSaver
from chatgrow_worker.login.source import LoginSource
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.login_end import LoginEnd
from chatgrow_worker.sending.line_deaths import LineDeaths
from chatgrow_worker.waiting import Backoff, happens
from chatgrow_worker.whatsapp_change.change_gate import ChangeGate
from sessions.common.errors import LeaseLostError
from sessions.connections.leases import Lease
from sessions.connections.model import Connection
from sessions.connections.states import REVOKED, Command, ConnectionState, Reason
from sessions.storage.mongo import STORE_DOWN, brief

_PAUSE = timedelta(seconds=1)


class ConnectionRunner:
    """Run one connection in this worker, from taking its lease to releasing it."""

    def __init__(
        self, services: WorkerServices, lease: Lease, connection: Connection, asked_at: float
    ) -> None:
        """Take when the lease was requested, on the monotonic clock."""
        self._services = services
        self._lease = lease
        self.connection = connection
        """As it was when its lease was taken."""
        self._proxy = services.proxy_passwords.open(connection)
        self._was_linked = connection.linked_number is not None
        self._ending = asyncio.Event()
        self._doorbell = asyncio.Event()
        self._asked = asyncio.Event()
        limits = services.limits
        self._keeper = LeaseKeeper(
            services.leases, lease, limits.lease_ttl, limits.lease_margin, asked_at
        )
        self._ran_before = False
        self._backoff = Backoff(limits.restart_first, limits.restart_cap)
        self._reporter = StateReporter(services.connections, lease)
        profile = services.pages.profile(lease.connection)
        self._source = LoginSource(services.blobs, lease, profile, connection.forgotten_generation)
        self._commands = CommandWatch(
            services.commands, lease.connection, self._ending, limits.logout_within
        )
        self._fallback = ProfileFallback(services, self._source, self._proxy, self._commands.turn)
        self._login_end = LoginEnd()
        gate = ChangeGate(
            services.change_watch,
            services.connections,
            services.queue,
            lease,
            connection.owner,
            limits.gate,
            services.now,
        )
        self._page_sessions = PageSessionFactory(
            services,
            lease,
            services.numbers.of(connection.owner),
            self._reporter,
            gate,
            self._doorbell,
            self._keeper.check,
            self._login_end,
            LineDeaths(limits.sends.tries),
            NumberGuard(
                connection.phone_number,
                services.linking,
                services.commands,
                lease,
                self._commands.asked,
            ),
        )

    def ring(self) -> None:
        """Note that a message may be due."""
        self._doorbell.set()

    def look(self) -> None:
        """Note that there may be a command, a request for a code or a number check."""
        self._asked.set()
        self._commands.asked.set()

    def end(self) -> None:
        """Ask to finish the current message, close the page and release the lease."""
        self._ending.set()

    async def run(self) -> None:
        """Run until `end` is called, the lease is lost or the connection stops."""
        # Every log record from here on, also those of tasks and threads, names the connection.
        connection = self.connection
        with logger.contextualize(owner=connection.owner, connection=connection.connection_id):
            logger.info("Runs here, generation {}", self._lease.generation)
            await self._run()

    async def _run(self) -> None:
        done = asyncio.Event()
        lost = False
        try:
            # A lost lease cancels everything: another worker may open the page next.
            async with asyncio.TaskGroup() as group:
                keeping = self._keeper.keep(self._ending, done, self._commands.asked)
                group.create_task(keeping, name="lease keeper")
                group.create_task(self._commands.follow(done), name="command watch")
                await self._run_pages()
                done.set()
        except* LeaseLostError as errors:
            lost = True
            self._services.metrics.lease_lost()
            logger.warning("The lease is lost: {}", errors.exceptions[0])
        finally:
            # A lease that was renewed too late may still be ours. It is not released, so that this
            # worker, if it goes on, takes it again and continues with the profile on its disk.
            if not lost:
                await self._release()

    async def _run_pages(self) -> None:
        while not self._ending.is_set():
            try:
                await self._run_page_and_answer()
            except STORE_DOWN as error:
                logger.warning("MongoDB is away or refuses: {}", brief(error))
                await happens(self._ending, _PAUSE)

    async def _run_page_and_answer(self) -> None:
        """Run one page, and handle how it ended."""
        try:
            await self._take_command()
            await self._run_one_page()
        except PageBrokenError as error:
            await self._after_break(error)
        except LoggedOutError as error:
            self._services.metrics.login_ended(error.reason)
            await self._until_stored(partial(self._after_logout, error.reason))
        except QrNotScannedError:
            rest = partial(self._rest, ConnectionState.STOPPED, Reason.QR_NOT_SCANNED)
            await self._until_stored(rest)

    async def _take_command(self) -> None:
        """Handle the pending command between two pages.

        Raises LoggedOutError when a logout needs no page any more.
        """
        command = await self._commands.current()
        if command is None:
            return
        if command.name is Command.RESTART:
            await self._reporter.report(ConnectionState.STARTING, Reason.BROWSER_STARTING)
            await self._services.commands.restarted(self._lease, command)
            self._backoff.reset()
            self._fallback.restart()
            return
        await self._report_leaving()
        if command.outcome is not None:
            raise LoggedOutError(command.outcome)
        if time.monotonic() >= self._commands.give_up:
            raise LoggedOutError(Reason.STILL_LISTED)

    async def _run_one_page(self) -> None:
        give_back = await self._services.start_slots.take(self._commands.turn)
        if give_back is None:
            return
        if self._ran_before:
            self._services.metrics.browser_restarted()
        self._ran_before = True
        saver: LoginSaver | None = None
        try:
            local_storage = await self._login()
            pages = self._services.pages
            async with pages.open(self._lease.connection, local_storage, self._proxy) as browser:
                saver = self._page_sessions.saver(browser)
                try:
                    logged_in = await self._use(browser, saver, give_back)
                finally:
                    browser.page.tell(self._login_end)
        finally:
            give_back()
            if saver is not None:
                await saver.end()
        if logged_in:
            await saver.save_clean()

    async def _use(
        self, browser: Browser, saver: LoginSaver, on_loaded: Callable[[], None]
    ) -> bool:
        """Follow an open page to its end; return whether to save its login."""
        logged_in = await self._page_session(browser, saver, on_loaded)
        if self._commands.leaving:
            await self._log_out(browser)
            return False
        return logged_in and await saver.leave()

    async def _login(self) -> dict[str, str] | None:
        """Prepare the profile, and return the localStorage to put back.

        Raises LoggedOutError if the connection had a login and none is left.
        """
        local_storage = await self._source.prepare()
        if not self._source.found and self._was_linked:
            raise LoggedOutError(Reason.LOGIN_LOST)
        if not self._source.found and self._commands.leaving:
            raise LoggedOutError(Reason.LOGGED_OUT_BY_REQUEST)
        return local_storage

    async def _page_session(
        self, browser: Browser, saver: LoginSaver, on_loaded: Callable[[], None]
    ) -> bool:
        """Follow the page to its end; return whether it was logged in then."""
        if self._commands.leaving:
            return False
        page_session = self._page_sessions.page_session(browser, saver, self._was_linked)
        try:
            await page_session.run(self._commands.turn, self._asked, on_loaded)
        finally:
            self._was_linked = page_session.was_linked
            if page_session.was_ready:
                self._backoff.reset()
                self._fallback.page_worked()
        return page_session.logged_in

    async def _log_out(self, browser: Browser) -> None:
        """End the login, unless this worker ends first; raise LoggedOutError."""
        await self._report_leaving()
        try:
            logout = Logout(
                browser.page,
                self._login_end,
                self._commands.give_up,
                self._services.limits.reload,
                self._keeper.check,
            )
            await logout.run(self._ending)
        except LoggedOutError as error:
            if error.reason is Reason.LOGGED_OUT_BY_REQUEST:
                # Stored at once: after a crash the next worker could not see it from the page.
                await self._services.commands.note(self._lease, error.reason)
            raise

    async def _report_leaving(self) -> None:
        reason = self._commands.because or Reason.LOGGING_OUT
        await self._reporter.report(ConnectionState.DISCONNECTED, reason)

    async def _after_break(self, error: PageBrokenError) -> None:
        self._services.metrics.page_broke(error.reason)
        self._services.html.broke(self._lease.connection, error.reason)
        wait = self._backoff.next()
        logger.warning(
            "The page broke ({}); again in {:.1f} s: {}",
            error.reason,
            wait.total_seconds(),
            error,
        )
        await self._reporter.report(ConnectionState.DISCONNECTED, error.reason)
        if not self._commands.leaving:
            await self._fallback.consider(error.reason)
        else:
            left = max(0.0, self._commands.give_up - time.monotonic())
            wait = min(wait, timedelta(seconds=left))
        await happens(self._commands.turn, wait)
        if not self._ending.is_set():
            await self._reporter.report(ConnectionState.STARTING, Reason.BROWSER_STARTING)

    async def _after_logout(self, reason: Reason) -> None:
        """Try an older login if this one was only lost; otherwise the phone has to be linked."""
        if self._tries_another(reason):
            self._login_end.forget()
            if not self._commands.leaving:
                logger.warning("This login does not work ({}); trying another", reason)
            return
        if self._commands.leaving:
            await self._leave(reason)
            return
        await self._source.forget(blobs_too=reason in REVOKED)
        await self._rest(ConnectionState.LOGGED_OUT, reason)

    def _tries_another(self, reason: Reason) -> bool:
        if reason in REVOKED and not self._commands.leaving:
            return self._source.rejects_archive()
        return reason is Reason.LOGIN_LOST and self._source.reject()

    async def _leave(self, reason: Reason) -> None:
        """Remove the login after a requested logout, and the connection after a deletion.

        The next worker may repeat each step.
        """
        outcome = Reason.LOGGED_OUT_BY_REQUEST
        if reason is Reason.STILL_LISTED or (reason is Reason.LOGIN_LOST and self._was_linked):
            outcome = Reason.STILL_LISTED
        command = await self._services.commands.note(self._lease, outcome)
        await self._source.forget(blobs_too=True)
        if command is Command.DELETE:
            await self._services.removals.finish(self._lease)
            logger.info("Deleted ({})", outcome)
        else:
            by_request = outcome is Reason.LOGGED_OUT_BY_REQUEST
            reported = (self._commands.because if by_request else None) or outcome
            await self._reporter.settle(ConnectionState.LOGGED_OUT, reported)
            await self._services.commands.logged_out(self._lease)
        self._ending.set()

    async def _rest(self, state: ConnectionState, reason: Reason) -> None:
        """Report where the connection stays, and end until a person starts it again."""
        await self._reporter.rest(state, reason)
        self._ending.set()

    async def _until_stored(self, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat until MongoDB has stored it or the lease is lost; nothing would do it later."""
        while True:
            try:
                return await work()
            except STORE_DOWN as error:
                logger.warning("MongoDB is away or refuses: {}", brief(error))
                await asyncio.sleep(_PAUSE.total_seconds())

    async def _release(self) -> None:
        try:
            await self._services.leases.release(self._lease, Reason.WAITING_FOR_WORKER)
        except STORE_DOWN as error:
            logger.warning(
                "Cannot release the lease, which will expire: MongoDB is away or refuses: {}",
                brief(error),
            )
