"""Build a page session from the services of the worker and the state of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.recycling import Recycling
from chatgrow_worker.connection.ban import BanKeeper
from chatgrow_worker.connection.errands import Errands
from chatgrow_worker.connection.linking import Linking
from chatgrow_worker.connection.number_checks import NumberChecks
from chatgrow_worker.connection.number_guard import NumberGuard
from chatgrow_worker.connection.page_session import PageSession, PageSessionServices
from chatgrow_worker.connection.qr import QrPublisher
from chatgrow_worker.connection.recovery import Recovery, Tries
from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.connection.state_reporter import StateReporter
from chatgrow_worker.login.saver import LoginSaver
from chatgrow_worker.page.login_end import LoginEnd
from chatgrow_worker.receiving.downloads import Downloads
from chatgrow_worker.receiving.receiver import Receiver
from chatgrow_worker.sending.acks import AckRecorder
from chatgrow_worker.sending.claimer import MessageClaimer
from chatgrow_worker.sending.delivery import Delivery
from chatgrow_worker.sending.dispatcher import Dispatcher
from chatgrow_worker.sending.dispatcher_task import DispatcherTask
from chatgrow_worker.sending.known_chats import KnownChats
from chatgrow_worker.sending.line_deaths import LineDeaths
from chatgrow_worker.sending.pacer import Pacer
from chatgrow_worker.whatsapp_change.change_gate import ChangeGate
from chatgrow_worker.whatsapp_change.emergency_html import HtmlOfPage
from sessions.connections.leases import Lease
from sessions.conversations.documents import Documents
from sessions.conversations.inbox import Recorded
from sessions.messages.paced_sends import PacedSends
from sessions.recipients.known_numbers import NumbersOfOwner


@dataclass(frozen=True)
class PageSessionFactory:
    """Build the page sessions of one connection, one for each browser that is opened for it."""

    services: WorkerServices
    lease: Lease
    numbers: NumbersOfOwner
    reporter: StateReporter
    gate: ChangeGate
    doorbell: asyncio.Event
    check_lease: Callable[[], None]
    login_end: LoginEnd
    line_deaths: LineDeaths
    guard: NumberGuard
    tried: Tries = field(default_factory=dict)

    def saver(self, browser: Browser) -> LoginSaver:
        """Return the saver for this browser's login."""
        limits = self.services.limits
        return LoginSaver(
            browser=browser,
            blobs=self.services.blobs,
            lease=self.lease,
            now=self.services.now,
            settle=limits.save_after,
            every=limits.save_every,
            metrics=self.services.metrics,
        )

    def page_session(self, browser: Browser, saver: LoginSaver, was_linked: bool) -> PageSession:
        """Return the page session for an open browser."""
        limits = self.services.limits
        sends = PacedSends(self.services.queue, self.lease.connection, self.services.now)
        dispatcher = self._dispatcher(browser, sends)
        downloads = self._downloads(browser)
        services = PageSessionServices(
            page=browser.page,
            reporter=self.reporter,
            acks=self._acks(browser, dispatcher),
            receiver=self._receiver(browser, downloads),
            downloads=downloads,
            saver=saver,
            linking=self._linking(browser),
            dispatcher=dispatcher,
            gate=self.gate,
            checks=self._checks(browser, sends),
            errands=Errands(browser.page, self.services.page_requests, self.lease.connection),
            guard=self.guard,
            recovery=Recovery(
                browser.page, limits.recovery_rules, limits.reload, self.check_lease, self.tried
            ),
            recycling=Recycling(browser.profile, limits.recycling),
            login_end=self.login_end,
            ban=BanKeeper(
                self.services.connections, self.lease, self.services.now, self.services.metrics
            ),
            html=HtmlOfPage(self.services.html, self.lease.connection, browser.page),
        )
        return PageSession(services, limits, was_linked)

    def _acks(self, browser: Browser, dispatcher: DispatcherTask) -> AckRecorder:
        services = self.services
        return AckRecorder(
            browser.page,
            services.queue,
            self.lease,
            services.metrics,
            heard_late=dispatcher.acknowledged,
        )

    def _downloads(self, browser: Browser) -> Downloads:
        services = self.services
        return Downloads(
            browser.page,
            services.received_files,
            Documents(services.texts),
            services.media,
            self.lease,
            services.limits.downloads,
            services.download_slots,
            services.metrics.received_file,
        )

    def _receiver(self, browser: Browser, downloads: Downloads) -> Receiver:
        services = self.services

        def count_and_fetch_files(recorded: Recorded) -> None:
            services.metrics.received(sum(not each.from_history for each in recorded.new))
            if any(each.media for each in (*recorded.new, *recorded.changed)):
                downloads.ring()

        return Receiver(
            browser.page,
            services.inbox,
            services.marks,
            self.lease,
            services.limits.receiving,
            services.now,
            count_and_fetch_files,
        )

    def _linking(self, browser: Browser) -> Linking:
        services, connection = self.services, self.lease.connection

        async def asked_for() -> bool:
            return await services.linking.qr_is_asked_for(
                connection, services.limits.qr_asked_within
            )

        limits = services.limits
        qr = QrPublisher(browser.page, self.reporter, limits.qr_form, services.now, asked_for)
        return Linking(
            browser.page, services.linking, self.lease, qr, services.now, limits.pairing_pause
        )

    def _checks(self, browser: Browser, sends: PacedSends) -> NumberChecks:
        services, connection = self.services, self.lease.connection
        return NumberChecks(
            page=browser.page,
            requests=services.checks,
            numbers=self.numbers,
            connections=services.connections,
            asked=services.asked,
            pacer=Pacer(sends, services.now),
            sends=sends,
            connection=connection,
            now=services.now,
        )

    def _dispatcher(self, browser: Browser, sends: PacedSends) -> DispatcherTask:
        page, queue, known_chats = browser.page, self.services.queue, KnownChats()

        def make() -> Dispatcher:
            claimer = self._claimer(sends)
            delivery = Delivery(
                page=page,
                queue=queue,
                numbers=self.numbers,
                lease=self.lease,
                limits=self.services.limits.sends,
                page_bell=page.bell,
                claimer=claimer,
                check_lease=self.check_lease,
                metrics=self.services.metrics,
                trials=self.gate.trials,
                line_deaths=self.line_deaths,
                texts=self.services.texts,
                known_chats=known_chats,
                sends=sends,
                referred=self.services.referred,
                files=self.services.outgoing_files,
                file_bells=self.services.file_bells,
                effects=self.services.effects,
            )
            return Dispatcher(queue, self.lease, claimer, delivery, sends)

        return DispatcherTask(make, self.doorbell, page.bell, self.lease.connection)

    def _claimer(self, sends: PacedSends) -> MessageClaimer:
        services = self.services
        return MessageClaimer(
            queue=services.queue,
            connections=services.connections,
            pacer=Pacer(sends, services.now),
            lease=self.lease,
            now=services.now,
            look_every=services.limits.safety_poll,
            ban_pause=services.limits.ban_pause,
        )
