"""Follow one page of WhatsApp Web from its opening until it breaks, logs out or is to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from loguru import logger

from chatgrow_worker.browser.profiles_root import check_room
from chatgrow_worker.browser.recycling import Recycling
from chatgrow_worker.connection.ban import BanKeeper
from chatgrow_worker.connection.errands import Errands
from chatgrow_worker.connection.limits import Limits
from chatgrow_worker.connection.linking import Linking
from chatgrow_worker.connection.number_checks import NumberChecks
from chatgrow_worker.connection.number_guard import NumberGuard
from chatgrow_worker.connection.recovery import Recovery
from chatgrow_worker.connection.state_meaning import CHANGED, MEANING, UPDATE_DUE
from chatgrow_worker.connection.state_reporter import StateReporter
from chatgrow_worker.connection.steady import Steady
from chatgrow_worker.login.saver import LoginSaver
from chatgrow_worker.page.errors import PageBrokenError, PageCallError
from chatgrow_worker.page.login_end import LoginEnd
from chatgrow_worker.page.snapshot import LINE_LOST, LOGGED_IN, Look, PageState, Snapshot
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.receiving.downloads import Downloads
from chatgrow_worker.receiving.receiver import Receiver
from chatgrow_worker.sending.acks import AckRecorder
from chatgrow_worker.sending.dispatcher_task import DispatcherTask
from chatgrow_worker.waiting import any_of, happens
from chatgrow_worker.whatsapp_change.change_gate import ChangeGate
from chatgrow_worker.whatsapp_change.emergency_html import HtmlOfPage
from sessions.connections.states import Reason
from sessions.storage.mongo import STORE_DOWN, brief

_GATHER_FOR = timedelta(milliseconds=200)
_COLLECT_AFTER = timedelta(seconds=3)
"""Loading leaves garbage, a sixth of the page's memory, which an idle page keeps for long."""
_SHORT_LINE_LOSS = timedelta(seconds=5)
"""Most lost lines are back after two or three seconds (measured on the real page)."""
_CAN_SEND = (PageState.READY, PageState.STALLED)
_QR_SCREEN = (PageState.QR, PageState.QR_IDLE)
_COMING_UP = (PageState.LOADING, PageState.SYNCING)
"""While a page loads and syncs its chats it is busy and at its largest (the real page was measured
at 655 to 1,740 MB; later it uses 760 MB)."""
_BEFORE_A_LOGIN = (*_COMING_UP, PageState.LINE_DEAD)
"""The states of a page until WhatsApp has accepted its login."""
_RESTARTS = 3
"""How many times a page may reload itself before that counts as a refusal of its version."""


class LoggedOutError(Exception):
    """The page has no login any more; the runner decides what to try next."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True)
class PageSessionServices:
    """The services that a page session uses, most of them made for its page."""

    page: WhatsAppPage
    reporter: StateReporter
    acks: AckRecorder
    receiver: Receiver
    downloads: Downloads
    saver: LoginSaver
    linking: Linking
    dispatcher: DispatcherTask
    gate: ChangeGate
    checks: NumberChecks
    errands: Errands
    guard: NumberGuard
    recovery: Recovery
    recycling: Recycling
    login_end: LoginEnd
    ban: BanKeeper
    html: HtmlOfPage


class PageSession:
    """Poll one page, report the connection's state, and run the dispatcher while it can send."""

    def __init__(
        self,
        services: PageSessionServices,
        limits: Limits,
        was_linked: bool,
    ) -> None:
        self._services = services
        self._page = services.page
        self._limits = limits
        self._state = PageState.LOADING
        self._slot_until = time.monotonic() + limits.start_slot.total_seconds()
        self._without_login = Steady()
        self._without_line = Steady(_SHORT_LINE_LOSS)
        self._wiping = Steady(limits.wipe_within)
        self._update_due = False
        self._recycle_at = time.monotonic() + services.recycling.look_every.total_seconds()
        self._garbage_at: float | None = None
        self.was_linked = was_linked
        self.was_ready = False

    @property
    def logged_in(self) -> bool:
        """Whether the page was logged in when it was last looked at."""
        return self._state in LOGGED_IN

    async def run(
        self, ending: asyncio.Event, asked: asyncio.Event, on_loaded: Callable[[], None]
    ) -> None:
        """Follow the page until `ending` is set, or until it is idle and due for a new browser.

        `asked` makes it look at once. `on_loaded` is called when the page has loaded, or when its
        start slot is over. Raises PageBrokenError, LoggedOutError, QrNotScannedError or
        LeaseLostError; a save may still be running then. The message being sent is finished, but
        not on cancellation: then nothing more may leave this page.
        """
        try:
            while not ending.is_set() and not await self._should_recycle():
                self._page.bell.clear()
                if asked.is_set():
                    asked.clear()
                    self._services.checks.ring()
                    self._services.downloads.ring()
                    self._services.errands.ring()
                await self._look()
                if self._state not in _COMING_UP or time.monotonic() >= self._slot_until:
                    on_loaded()
                await any_of(self._page.bell, ending, asked, within=self._next_look())
                await self._gather_rings(ending)
        except asyncio.CancelledError:
            self._services.saver.cancel()
            self._services.dispatcher.cut()
            raise
        finally:
            await self._services.downloads.stop()
            await self._services.dispatcher.stop()
        # After an error, the browser is closed before this wait: a save may wait for MongoDB.
        await self._services.saver.end()

    async def _gather_rings(self, ending: asyncio.Event) -> None:
        """Wait a moment while messages are sent, so that one look serves several rings."""
        if self._state is PageState.READY:
            await happens(ending, _GATHER_FOR)

    def _next_look(self) -> timedelta:
        """Return how long to wait for a ring; a ready page rings when its state changes."""
        if self._state is PageState.READY and not self._services.gate.holds:
            return self._until_due()
        loading = self._state is PageState.LOADING
        return self._limits.look_while_loading if loading else self._limits.look_every

    def _until_due(self) -> timedelta:
        """Return how long until a ready page needs something; late work waits for the next look."""
        now = time.monotonic()
        look = now + self._limits.look_when_ready.total_seconds()
        saver, dispatcher = self._services.saver, self._services.dispatcher
        receiver = self._services.receiver
        due = (saver.due, self._garbage_at, dispatcher.stalls_at, receiver.due, look)
        return timedelta(seconds=min(at for at in due if at is not None and at > now) - now)

    async def _should_recycle(self) -> bool:
        now = time.monotonic()
        if now < self._recycle_at or not self._services.dispatcher.idle:
            return False
        self._recycle_at = now + self._services.recycling.look_every.total_seconds()
        return self._update_due or await asyncio.to_thread(self._services.recycling.is_worn)

    async def _look(self) -> None:
        # While there is some room left, the browser can still end in order.
        check_room(self._limits.disk)
        acks, heard = self._services.acks, self._services.receiver.heard
        try:
            look = await self._page.look(acks.epoch, acks.serial, heard)
        except PageBrokenError as error:
            await self._tolerate_while_loading(error)
            return
        snapshot = look.snapshot if look else None
        self._state = self._state_of(snapshot)
        # A page opened from saved HTML always asks for an update, which must not close it.
        self._update_due = bool(
            snapshot and snapshot.needs_update and not self._services.html.is_saved
        )
        self._services.dispatcher.check()
        gate, at_rest = self._services.gate, not self._services.dispatcher.running
        await gate.consider(self._page, look, self._state, at_rest=at_rest)
        if not gate.unreadable:
            await self._services.recovery.consider(self._state)
        await self._services.saver.keep_dump(look.local_storage if look else None)
        try:
            await self._services.html.look(self._state, snapshot)
            if await self._is_refused(self._state, snapshot):
                return
            await self._report_or_link(self._state, snapshot)
            await self._act(self._state, look)
        except PageCallError as error:
            logger.debug("The page was busy with itself: {}", error)
        except STORE_DOWN as error:
            logger.warning("MongoDB is away or refuses: {}", brief(error))

    async def _tolerate_while_loading(self, error: PageBrokenError) -> None:
        """Give a page that is loading the time for its state, although it does not answer.

        Its main thread is then busy for longer than a loaded page may take to answer.
        """
        if error.reason is not Reason.PAGE_UNRESPONSIVE or self._state not in _COMING_UP:
            raise error
        logger.debug("The page does not answer while it loads: {}", error)
        await self._services.recovery.consider(self._state)

    def _state_of(self, snapshot: Snapshot | None) -> PageState:
        """Return the page's state; STALLED if it says ready but our sends get no acks."""
        end = self._services.login_end
        self._page.tell(end)
        state = snapshot.state if snapshot else PageState.LOADING
        if snapshot is not None:
            end.hear(snapshot.epoch, snapshot.signs)
        if snapshot is not None and state is PageState.READY:
            self._page.restarts = 0
            end.works(snapshot.epoch)
        if state in _BEFORE_A_LOGIN and self._page.restarts >= _RESTARTS:
            return PageState.OUTDATED  # WhatsApp refuses this version of the page (405, 409)
        stalled = state is PageState.READY and self._services.dispatcher.stalled
        return PageState.STALLED if stalled else state

    async def _report_or_link(self, state: PageState, snapshot: Snapshot | None) -> None:
        """Report the state or show codes; raise LoggedOutError once the login is surely gone."""
        if snapshot is not None and self.was_linked:
            self._check_login(state, snapshot.epoch)
        if state not in _QR_SCREEN:
            await self._report(state, snapshot)
        elif snapshot is not None and not self.was_linked:
            await self._services.linking.follow(idle=snapshot.idle)

    async def _is_refused(self, state: PageState, snapshot: Snapshot | None) -> bool:
        """Tell whether a phone was linked that must not be; its logout is asked for then."""
        linked = state in (*_CAN_SEND, PageState.SYNCING)
        number = snapshot.number if snapshot and linked and not self.was_linked else None
        return number is not None and await self._services.guard.refuses(number)

    def _check_login(self, state: PageState, epoch: str) -> None:
        if state not in _QR_SCREEN:
            self._without_login.ends()
        if state is not PageState.LEAVING:
            self._wiping.ends()
        signs = {PageState.LEAVING: self._wiping} | dict.fromkeys(_QR_SCREEN, self._without_login)
        if state in signs and signs[state].holds(epoch):
            raise LoggedOutError(self._services.login_end.reason)

    async def _report(self, state: PageState, snapshot: Snapshot | None) -> None:
        if self._is_short_line_loss(state, snapshot):
            return
        ready, up = state is PageState.READY, state in _CAN_SEND
        to, reason = MEANING[state]
        if self._services.gate.unreadable or (up and self._services.gate.waits):
            to, reason = CHANGED
        elif up and self._services.gate.untested:
            to, reason = MEANING[PageState.LOADING]
        elif ready and snapshot and snapshot.needs_update:
            to, reason = UPDATE_DUE
        number = snapshot.number if snapshot and ready else None
        banned = state is PageState.BANNED and snapshot and snapshot.ban
        until = await self._services.ban.keep(banned) if banned else None
        await self._services.reporter.report(to, reason, number, until)

    def _is_short_line_loss(self, state: PageState, snapshot: Snapshot | None) -> bool:
        """Tell whether the line is lost, but not for long enough to report it."""
        if state not in LINE_LOST or snapshot is None:
            self._without_line.ends()
            return False
        return not self._without_line.holds(snapshot.epoch)

    async def _act(self, state: PageState, look: Look | None) -> None:
        if look and state in _CAN_SEND:
            await self._while_ready(look)
        else:
            self._services.receiver.away()
            await self._services.downloads.stop()
            await self._services.dispatcher.stop()

    async def _while_ready(self, look: Look) -> None:
        self.was_linked = self.was_ready = True
        if self._services.gate.holds:
            await self._services.dispatcher.stop()
        elif self._services.dispatcher.running:
            await self._services.acks.ask_again()
        else:
            await self._services.ban.is_over()
            await self._services.acks.record_missed()
            self._services.dispatcher.start()
        await self._services.acks.record_new(look.epoch, look.acks)
        self._services.downloads.start()
        if await self._services.receiver.receive(look.epoch, look.received):
            self._page.bell.set()
        await self._services.saver.save_when_due()
        if self._limits.collect_garbage:
            await self._collect_when_idle()
        if await self._services.checks.answer_next() or await self._services.errands.do_next():
            self._page.bell.set()  # one question for each look, so that other work is not delayed

    async def _collect_when_idle(self) -> None:
        now = time.monotonic()
        if self._garbage_at is None:
            self._garbage_at = now + _COLLECT_AFTER.total_seconds()
        elif now >= self._garbage_at and self._services.dispatcher.idle:
            self._garbage_at = now + self._services.recycling.look_every.total_seconds()
            await self._page.tidy()
