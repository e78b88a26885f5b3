"""Let a connection send while WhatsApp Web can be used, and test when it can be used again.

A connection waits when its page lacks a function (`self_test.py`), when several of its sends in a
row have thrown (`send_trials.py`), or when the fleet waits (`sessions/whatsapp/breaker.py`). Its
page stays open. Only the connection that probes for the fleet reloads it, and a connection that
waits while the fleet sends reloads it now and then. The moves are the table in `change_phases.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from loguru import logger

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import About, Look, PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.whatsapp_change.change_phases import MOVES, Event, Phase
from chatgrow_worker.whatsapp_change.change_watch import ChangeWatch
from chatgrow_worker.whatsapp_change.self_test import SelfTest
from chatgrow_worker.whatsapp_change.send_trials import SendTrials
from sessions.connections.leases import Lease
from sessions.connections.store import ConnectionStore
from sessions.messages.send_queue import SendQueue
from sessions.storage.mongo import STORE_DOWN, brief
from sessions.whatsapp.breaker import Breaker, Cause

_SEVERAL = 2
"""A single message that throws, however often, may itself be at fault."""
_COMPARED_AFTER = 10
"""After this many failed trials, a message that has not thrown yet is tried."""
_PASSED_FOR = timedelta(minutes=1)
"""How long messages that threw are held back at most, if this worker dies meanwhile."""


@dataclass(frozen=True)
class GateLimits:
    """The limits for what one connection does about a change."""

    in_a_row: int
    """How many sends in a row must throw before the page is suspected and not a message."""
    settles: timedelta
    """How long a page must lack a function before that counts."""
    retry: timedelta
    """How often a connection tries again that waits while the fleet sends."""
    probe_within: timedelta
    reload: timedelta


class ChangeGate:
    """Decide whether one connection may send, over all of its pages."""

    def __init__(
        self,
        watch: ChangeWatch,
        connections: ConnectionStore,
        queue: SendQueue,
        lease: Lease,
        owner: str,
        limits: GateLimits,
        now: Callable[[], datetime],
    ) -> None:
        self.trials = SendTrials(limits.in_a_row)
        self._test = SelfTest(limits.settles)
        self._watch = watch
        self._connections = connections
        self._queue = queue
        self._lease = lease
        self._owner = owner
        self._limits = limits
        self._now = now
        self._about: About | None = None
        self._about_epoch = ""
        self._fleet = Breaker()
        self._again_at = 0.0
        self._loaded_over = ""
        self._for_fleet = False
        self._probe_ends = 0.0
        self._tried_last = False
        self._failed_trials = 0

    @property
    def waits(self) -> bool:
        """Whether the connection waits for WhatsApp Web and sends nothing but trials."""
        return bool(self._test.lacks) or self._fleet.changed or self.trials.waits

    @property
    def untested(self) -> bool:
        """Whether the page has neither passed nor failed its self-test yet."""
        return not self._test.passed and not self._test.lacks

    @property
    def holds(self) -> bool:
        """Whether nothing may be sent now."""
        if not self._test.passed or self._test.lacks:
            return True
        return self.trials.holds or (self._fleet.changed and not self.trials.tries)

    @property
    def unreadable(self) -> bool:
        """Whether the page lacks the functions that show its state, as a new browser would too."""
        return self._test.unreadable

    async def consider(
        self, page: WhatsAppPage, look: Look | None, state: PageState, *, at_rest: bool
    ) -> None:
        """Evaluate a look at the page; report, probe or reload the page if it is time.

        `at_rest` says that no message is being sent. Raises PageBrokenError and LeaseLostError.
        While MongoDB is away nothing changes.
        """
        ready = state is PageState.READY
        try:
            await self._note_version(page, look if ready else None)
            self._test.note(look, ready=ready)
            await self._follow_the_fleet()
            await self._act(page, look, ready=ready, at_rest=at_rest)
            if self._fleet.probe_due and at_rest:
                await self._probe(page, look, ready=ready)
        except STORE_DOWN as error:
            logger.debug("MongoDB is away or refuses: {}", brief(error))

    async def _note_version(self, page: WhatsAppPage, look: Look | None) -> None:
        """Record the version of WhatsApp Web once for each load of the page."""
        if look is None or look.snapshot is None or look.snapshot.epoch == self._about_epoch:
            return
        try:
            self._about = about = await page.about()
        except PageCallError as error:
            logger.debug("Cannot read the page's version: {}", error)
            return
        self._about_epoch = look.snapshot.epoch
        logger.info("WhatsApp Web {}, manifest {}", about.version, about.manifest)
        if about.missing:
            logger.warning("Optional functions are missing: {}", ", ".join(about.missing))
        await self._connections.note_page(self._lease, about.version, about.manifest)

    async def _follow_the_fleet(self) -> None:
        before, self._fleet = self._fleet, await self._watch.current()
        if not before.changed or self._fleet.changed:
            return
        logger.info("WhatsApp Web can be used again")
        self._for_fleet = False
        self._again_at = self._soon(timedelta(0))
        works, ours = self._fleet.version, self._about.version if self._about else None
        others_only = self._test.lacks or (works and works != ours)
        self.trials.release(Event.FLEET_SENDS_WITHOUT_US if others_only else Event.FLEET_SENDS)

    async def _act(
        self, page: WhatsAppPage, look: Look | None, *, ready: bool, at_rest: bool
    ) -> None:
        """Do what the current phase asks for."""
        if self._test.has_failed(look):
            self.trials.on(Event.LACKS)
        match self.trials.phase:
            case Phase.SUSPICIOUS | Phase.WAITING:
                await self._in_trouble(page, look, ready=ready, at_rest=at_rest)
            case Phase.STALE:
                await self._load_when_due(page, look, at_rest=at_rest)
            case Phase.LOADING:
                await self._judge_page(look, ready=ready)
            case Phase.TRYING | Phase.COMPARING:
                if self._for_fleet:
                    self._stop_when_late()
            case Phase.THREW | Phase.BOTH_THREW:
                if not await self._compare_now():
                    await self._fail(self.trials.error)
            case Phase.WENT_OUT:
                await self._pass()

    async def _in_trouble(
        self, page: WhatsAppPage, look: Look | None, *, ready: bool, at_rest: bool
    ) -> None:
        """Report the trouble of this connection, and try again while the fleet sends."""
        suspects, lacks = self.trials.suspects, self._test.lacks
        alone = len(suspects) == 1 and not lacks and not self._fleet.changed
        if not suspects and not lacks:
            if ready:
                await self._pass()
        elif alone and await self._compare():
            return
        elif self.trials.phase is Phase.SUSPICIOUS:
            await self._report()
        elif not self._fleet.changed and (suspects or self._test.has_failed(look)):
            await self._load_when_due(page, look, at_rest=at_rest)

    async def _load_when_due(self, page: WhatsAppPage, look: Look | None, *, at_rest: bool) -> None:
        if at_rest and time.monotonic() >= self._again_at:
            await self._load_anew(page, look)

    async def _report(self) -> None:
        version = self._about.version if self._about else None
        if self._test.lacks:
            cause = Cause.PAGE_UNREADABLE if self._test.unreadable else Cause.FUNCTION_MISSING
            detail = f"missing: {', '.join(self._test.lacks)}"
        else:
            cause, detail = Cause.SENDS_THROW, self.trials.error
        logger.error("WhatsApp Web cannot be used ({}): {}", cause, detail)
        if cause is not Cause.SENDS_THROW or self.trials.counts_for_all:
            await self._watch.store.report(self._lease, self._owner, cause, detail, version)
        self.trials.on(Event.REPORTED)
        self._again_at = self._soon(self._limits.retry)
        self._fleet = await self._watch.current(anew=True)

    async def _probe(self, page: WhatsAppPage, look: Look | None, *, ready: bool) -> None:
        """Probe for the fleet, if this connection can and no other does."""
        if (self.trials.phase, Event.LOADED) not in MOVES:
            return
        able = ready or self._test.unreadable
        if self._fleet.cause is Cause.SENDS_THROW:
            able = ready and await self._queue.first_due(self._lease) is not None
        if not able:
            return
        if self._tried_last:
            self._tried_last = False  # others go first: their pages may have another version
            return
        if await self._watch.store.begin_probe(self._lease):
            logger.info("Testing whether WhatsApp Web can be used again")
            self._for_fleet = True
            await self._load_anew(page, look)

    async def _judge_page(self, look: Look | None, *, ready: bool) -> None:
        """Evaluate the reloaded page; try a message on it if sends have thrown before."""
        other = look is not None and look.epoch != self._loaded_over
        if other and self._test.has_failed(look):
            await self._fail(f"missing: {', '.join(self._test.lacks)}")
        elif other and ready and self._test.passed:
            sends_throw = self._for_fleet and self._fleet.cause is Cause.SENDS_THROW
            if self.trials.suspects or sends_throw:
                self.trials.on(Event.TRY)
            else:
                await self._pass()
        else:
            self._stop_when_late()

    def _stop_when_late(self) -> None:
        """End a probe that has decided nothing in time, so that another connection may try."""
        if time.monotonic() >= self._probe_ends:
            self._for_fleet = False
            self.trials.on(Event.FAILED if self.trials.suspects else Event.PASSED)

    async def _compare_now(self) -> bool:
        """Try another message after the first one has thrown; tell whether there is one.

        If WhatsApp recovers just then, the other message overtakes the first. So once several
        messages have thrown, another one is tried only after many failed trials.
        """
        if self.trials.phase is Phase.BOTH_THREW:
            return False
        self._failed_trials += 1
        if len(self.trials.suspects) >= _SEVERAL and self._failed_trials < _COMPARED_AFTER:
            return False
        self._failed_trials = 0
        return await self._compare()

    async def _compare(self) -> bool:
        """Try another message than those that threw; return False if none waits.

        If it is sent, the page works, and the messages that threw are at fault.
        """
        suspects = self.trials.suspects
        if await self._queue.first_due(self._lease, but=suspects) is None:
            return False
        await self._queue.defer(self._lease, suspects, self._now() + _PASSED_FOR)
        self.trials.on(Event.COMPARE)
        return True

    async def _pass(self) -> None:
        """Resume sending, withdraw our report, and record a probe for the fleet as passed."""
        await self._queue.end_deferral(self._lease)
        if self._for_fleet:
            version = self._about.version if self._about else None
            await self._watch.store.probe_passed(self._lease, version)
        await self._watch.store.withdraw(self._lease)
        if self._for_fleet:
            # Our version works, so the end of the fleet's wait needs no further action here.
            self._fleet = await self._watch.current(anew=True)
        self._for_fleet = False
        self.trials.on(Event.PASSED)

    async def _fail(self, detail: str) -> None:
        await self._queue.end_deferral(self._lease)
        if self._for_fleet:
            await self._watch.store.probe_failed(self._lease, detail)
            self._tried_last = True
            self._fleet = await self._watch.current(anew=True)
        self._for_fleet = False
        self.trials.on(Event.FAILED)

    async def _load_anew(self, page: WhatsAppPage, look: Look | None) -> None:
        self.trials.on(Event.LOADED)
        self._loaded_over = look.epoch if look else ""
        self._probe_ends = time.monotonic() + self._limits.probe_within.total_seconds()
        self._test.forget()
        await page.reload(self._limits.reload)

    def _soon(self, after: timedelta) -> float:
        """Return a randomly spread time, since pages that load together need much memory."""
        spread = self._limits.retry * random.uniform(0, 0.5)  # noqa: S311  guards no secret
        return time.monotonic() + (after + spread).total_seconds()
