"""One visit to WhatsApp Web: from an opened page until it breaks, logs out or is asked to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from loguru import logger

from chatgrow_worker.connections.acks import AckRecorder
from chatgrow_worker.connections.dispatcher import Dispatcher
from chatgrow_worker.connections.parts import Parts
from chatgrow_worker.connections.qr import QrPublisher
from chatgrow_worker.connections.reporter import StateReporter
from chatgrow_worker.connections.waiting import either
from chatgrow_worker.page.errors import PageBrokenError, PageCallError
from chatgrow_worker.page.snapshot import PageState, Snapshot
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.leases import Lease
from sessions.mongo import STORE_DOWN, brief
from sessions.states import ConnectionState, Reason


class LoggedOutError(Exception):
    """The page has no login any more, and only a person can link it again."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


_MEANING: dict[PageState, tuple[ConnectionState, Reason | None]] = {
    PageState.LOADING: (ConnectionState.STARTING, Reason.PAGE_LOADING),
    PageState.SYNCING: (ConnectionState.SYNCING, Reason.LOADING_CHATS),
    PageState.READY: (ConnectionState.CONNECTED, None),
    PageState.OFFLINE: (ConnectionState.DISCONNECTED, Reason.NETWORK_DOWN),
    PageState.CONFLICT: (ConnectionState.DISCONNECTED, Reason.REPLACED),
    PageState.OUTDATED: (ConnectionState.DISCONNECTED, Reason.UPDATE_NEEDED),
    PageState.BLOCKED: (ConnectionState.DISCONNECTED, Reason.BLOCKED),
}
"""What each state of the page means for the connection; the QR screen depends on the past."""


class Visit:
    """Looks at the page every few seconds or when it rings, reports, and lets messages go out."""

    def __init__(
        self,
        page: WhatsAppPage,
        parts: Parts,
        lease: Lease,
        reporter: StateReporter,
        doorbell: asyncio.Event,
        check_lease: Callable[[], None],
        was_linked: bool,
    ) -> None:
        self._page = page
        self._parts = parts
        self._lease = lease
        self._reporter = reporter
        self._doorbell = doorbell
        self._check_lease = check_lease
        self.was_linked = was_linked
        self._acks = AckRecorder(page, parts.outbox, lease)
        self._qr = QrPublisher(page, reporter, parts.limits, parts.now)
        self._dispatching: asyncio.Task[None] | None = None
        self._dispatch_stop = asyncio.Event()
        self._state: PageState | None = None
        self._state_since = time.monotonic()

    async def run(self, ending: asyncio.Event) -> None:
        """Follow the page until `ending` is set.

        Raises PageBrokenError, LoggedOutError or LeaseLostError. A message in hand is finished,
        but not on cancellation: then nothing more may leave this page.
        """
        try:
            while not ending.is_set():
                self._page.bell.clear()
                await self._look()
                await either(self._page.bell, ending, self._next_look())
        except asyncio.CancelledError:
            if self._dispatching is not None:
                self._dispatching.cancel()
            raise
        finally:
            await self._stop_dispatching()

    def _next_look(self) -> timedelta:
        limits = self._parts.limits
        return limits.look_while_loading if self._state is PageState.LOADING else limits.look_every

    async def _look(self) -> None:
        snapshot = await self._page.snapshot()
        state = snapshot.state if snapshot else PageState.LOADING
        self._check_patience(state)
        try:
            if snapshot is None or state not in (PageState.QR, PageState.QR_IDLE):
                await self._report(state, snapshot)
            else:
                await self._at_qr_screen(snapshot)
            if snapshot and state is PageState.READY:
                await self._while_ready(snapshot)
            else:
                await self._stop_dispatching()
        except PageCallError as error:
            logger.debug("The page was busy with itself: {}", error)
        except STORE_DOWN as error:
            logger.warning("MongoDB is away: {}", brief(error))

    async def _report(self, state: PageState, snapshot: Snapshot | None) -> None:
        to, reason = _MEANING[state]
        number = snapshot.number if snapshot and state is PageState.READY else None
        await self._reporter.report(to, reason, number)

    async def _at_qr_screen(self, snapshot: Snapshot) -> None:
        if self.was_linked:
            raise LoggedOutError(Reason.UNLINKED if snapshot.logged_out else Reason.LOGIN_LOST)
        await self._qr.follow(idle=snapshot.idle)

    async def _while_ready(self, snapshot: Snapshot) -> None:
        self.was_linked = True
        if self._dispatching is None:
            await self._acks.record_missed()
            self._start_dispatching()
        elif self._dispatching.done():
            # It ends by itself only with an error, and that ends the visit.
            await self._dispatching
        await self._acks.record_new(snapshot.epoch)

    def _start_dispatching(self) -> None:
        self._dispatch_stop = asyncio.Event()
        dispatcher = Dispatcher(
            page=self._page,
            outbox=self._parts.outbox,
            lease=self._lease,
            limits=self._parts.limits.dispatch,
            page_bell=self._page.bell,
            check_lease=self._check_lease,
        )
        self._dispatching = asyncio.create_task(
            dispatcher.run(self._doorbell, self._dispatch_stop),
            name=f"dispatcher {self._lease.connection}",
        )
        self._dispatching.add_done_callback(lambda _task: self._page.bell.set())

    async def _stop_dispatching(self) -> None:
        dispatching, self._dispatching = self._dispatching, None
        if dispatching is not None:
            self._dispatch_stop.set()
            await asyncio.wait({dispatching})
            if not dispatching.cancelled():
                dispatching.result()

    def _check_patience(self, state: PageState) -> None:
        """Raise PageBrokenError when the page stays too long where it should only pass."""
        now = time.monotonic()
        if state is not self._state:
            self._state, self._state_since = state, now
        limits = self._parts.limits
        patience: dict[PageState, tuple[timedelta, Reason]] = {
            PageState.LOADING: (limits.loading, Reason.PAGE_LOADING),
            PageState.SYNCING: (limits.syncing, Reason.LOADING_CHATS),
            PageState.OFFLINE: (limits.offline, Reason.NETWORK_DOWN),
        }
        limit, reason = patience.get(state, (timedelta.max, Reason.PAGE_LOADING))
        if now - self._state_since > limit.total_seconds():
            raise PageBrokenError(reason, f"the page is {state} for longer than {limit}")
