"""Put a visit together from what a connection and its worker have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.wear import Wear
from chatgrow_worker.connections.acks import AckRecorder
from chatgrow_worker.connections.ban import BanKeeper
from chatgrow_worker.connections.change_gate import ChangeGate
from chatgrow_worker.connections.delivery import Delivery
from chatgrow_worker.connections.dispatcher import Dispatcher
from chatgrow_worker.connections.emergency_html import HtmlOfPage
from chatgrow_worker.connections.line_deaths import LineDeaths
from chatgrow_worker.connections.linking import Linking
from chatgrow_worker.connections.number_checks import NumberChecks
from chatgrow_worker.connections.number_guard import NumberGuard
from chatgrow_worker.connections.pacer import Pacer
from chatgrow_worker.connections.parts import Parts
from chatgrow_worker.connections.qr import QrPublisher
from chatgrow_worker.connections.recovery import Recovery, Tries
from chatgrow_worker.connections.reporter import StateReporter
from chatgrow_worker.connections.sending import Sending
from chatgrow_worker.connections.session_saver import SessionSaver
from chatgrow_worker.connections.turnstile import Turnstile
from chatgrow_worker.connections.visit import Visit, VisitParts
from chatgrow_worker.page.login_end import LoginEnd
from sessions.known_numbers import NumbersOfOwner
from sessions.leases import Lease


@dataclass(frozen=True)
class VisitMaker:
    """Makes the visits of one connection, each to a browser of its own."""

    parts: Parts
    lease: Lease
    numbers: NumbersOfOwner
    reporter: StateReporter
    gate: ChangeGate
    doorbell: asyncio.Event
    check_lease: Callable[[], None]
    end: LoginEnd
    line_deaths: LineDeaths
    guard: NumberGuard
    tried: Tries = field(default_factory=dict)

    def saver(self, browser: Browser) -> SessionSaver:
        """Return what saves the login of this browser."""
        limits = self.parts.limits
        return SessionSaver(
            browser=browser,
            blobs=self.parts.blobs,
            lease=self.lease,
            now=self.parts.now,
            settle=limits.save_after,
            every=limits.save_every,
            metrics=self.parts.metrics,
        )

    def visit(self, browser: Browser, saver: SessionSaver, was_linked: bool) -> Visit:
        """Return a visit to an open browser."""
        limits = self.parts.limits
        sending = self._sending(browser)
        parts = VisitParts(
            page=browser.page,
            reporter=self.reporter,
            acks=self._acks(browser, sending),
            saver=saver,
            linking=self._linking(browser),
            sending=sending,
            gate=self.gate,
            checks=self._checks(browser),
            guard=self.guard,
            recovery=Recovery(
                browser.page, limits.ladder, limits.reload, self.check_lease, self.tried
            ),
            wear=Wear(browser.profile, limits.wear),
            end=self.end,
            ban=BanKeeper(self.parts.connections, self.lease, self.parts.now, self.parts.metrics),
            html=HtmlOfPage(self.parts.html, self.lease.connection, browser.page),
        )
        return Visit(
            parts,
            limits.look_every,
            limits.look_when_ready,
            limits.look_while_loading,
            limits.start_slot,
            limits.wipe_within,
            was_linked,
            collect_garbage=limits.collect_garbage,
        )

    def _acks(self, browser: Browser, sending: Sending) -> AckRecorder:
        parts = self.parts
        return AckRecorder(
            browser.page,
            parts.queue,
            self.lease,
            parts.metrics,
            heard_late=sending.acknowledged,
        )

    def _linking(self, browser: Browser) -> Linking:
        parts, connection = self.parts, self.lease.connection

        async def asked_for() -> bool:
            return await parts.desk.qr_is_asked_for(connection, parts.limits.qr_asked_within)

        limits = parts.limits
        qr = QrPublisher(browser.page, self.reporter, limits.qr_form, parts.now, asked_for)
        return Linking(browser.page, parts.desk, self.lease, qr, parts.now, limits.pairing_pause)

    def _checks(self, browser: Browser) -> NumberChecks:
        parts, connection = self.parts, self.lease.connection
        return NumberChecks(
            page=browser.page,
            desk=parts.checks,
            numbers=self.numbers,
            connections=parts.connections,
            asked=parts.asked,
            pacer=Pacer(parts.queue, connection, parts.now),
            connection=connection,
            now=parts.now,
        )

    def _sending(self, browser: Browser) -> Sending:
        page, queue = browser.page, self.parts.queue

        def make() -> Dispatcher:
            turnstile = self._turnstile()
            delivery = Delivery(
                page=page,
                queue=queue,
                numbers=self.numbers,
                lease=self.lease,
                limits=self.parts.limits.sends,
                page_bell=page.bell,
                turnstile=turnstile,
                check_lease=self.check_lease,
                metrics=self.parts.metrics,
                trials=self.gate.trials,
                line_deaths=self.line_deaths,
            )
            return Dispatcher(queue, self.lease, turnstile, delivery)

        return Sending(make, self.doorbell, page.bell, self.lease.connection)

    def _turnstile(self) -> Turnstile:
        parts = self.parts
        return Turnstile(
            queue=parts.queue,
            connections=parts.connections,
            pacer=Pacer(parts.queue, self.lease.connection, parts.now),
            lease=self.lease,
            now=parts.now,
            look_every=parts.limits.safety_poll,
            ban_pause=parts.limits.ban_pause,
        )
