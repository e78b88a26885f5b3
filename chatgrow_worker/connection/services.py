"""The services that all connections of a worker share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.connection.limits import Limits
from chatgrow_worker.connection.number_checks import AskedConnections
from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.whatsapp_change.change_watch import ChangeWatch
from chatgrow_worker.whatsapp_change.emergency_html import EmergencyHtml
from sessions.blobs import BlobStore
from sessions.connections.commands import CommandRequests
from sessions.connections.leases import LeaseStore
from sessions.connections.linking import LinkingRequests
from sessions.connections.model import Proxy
from sessions.connections.page_requests import PageRequests
from sessions.connections.proxy_passwords import ProxyPasswords
from sessions.connections.store import ConnectionStore
from sessions.connections.workers import WorkerRegistry
from sessions.conversations.inbox import Inbox
from sessions.conversations.marks import Marks
from sessions.conversations.received import ReceivedMessages
from sessions.conversations.received_files import ReceivedFiles
from sessions.deletion.connections import Removals
from sessions.encryption.keys import KeyRing
from sessions.events.log import EventLog
from sessions.media.store import MediaLimits, MediaStore
from sessions.messages.effects import Effects
from sessions.messages.file_tries import FileBells, FileTries
from sessions.messages.outbox import Outbox
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextSealer
from sessions.messages.send_queue import SendQueue
from sessions.metrics import ProcessMetrics
from sessions.program import Stores
from sessions.queue.doorbell import Doorbell
from sessions.queue.intake_failures import IntakeFailures
from sessions.recipients.known_numbers import KnownNumbers
from sessions.recipients.number_checks import NumberCheckRequests
from sessions.whatsapp.breaker import WhatsAppBreaker

_DOWNLOADS_AT_ONCE = 3
"""Each holds a file in a page's memory, and one of Motor's few threads now and then."""


class StartSlots:
    """Limit how many browsers start at a time, since each uses most memory while its page loads."""

    def __init__(self, slots: int) -> None:
        self._free = asyncio.Semaphore(slots)

    async def take(self, unless: asyncio.Event) -> Callable[[], None] | None:
        """Wait for a slot; return a function that gives it back, safe to call more than once.

        Returns None once `unless` is set.
        """
        taking = asyncio.create_task(self._free.acquire())
        unwanted = asyncio.create_task(unless.wait())
        try:
            await asyncio.wait({taking, unwanted}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._give_up(taking)
            raise
        finally:
            unwanted.cancel()
        if unless.is_set():
            self._give_up(taking)
            return None
        return self._slot()

    def _give_up(self, taking: asyncio.Task[Literal[True]]) -> None:
        if not taking.cancel():
            self._free.release()

    def _slot(self) -> Callable[[], None]:
        given = False

        def give_back() -> None:
            nonlocal given
            if not given:
                given = True
                self._free.release()

        return give_back


class PageOpener(Protocol):
    """Open the page of a connection; the browser's `Launcher` is the real one."""

    def profile(self, connection: str) -> Path:
        """Return where the connection's profile is, or will be."""

    def open(
        self,
        connection: str,
        local_storage: dict[str, str] | None = None,
        proxy: Proxy | None = None,
    ) -> AbstractAsyncContextManager[Browser]:
        """Open WhatsApp Web on the connection's profile, with a dump of localStorage put back."""


class WorkerServices:
    """The stores, the browsers, the clock and the metrics, built once for a program."""

    def __init__(
        self,
        settings: WorkerSettings,
        stores: Stores,
        events: EventLog,
        pages: PageOpener,
        instance: str,
        predecessor: str | None = None,
        *,
        keys: KeyRing,
        now: Callable[[], datetime],
        html: EmergencyHtml,
    ) -> None:
        """Build them; `prepare` has to follow."""
        database = stores.database
        self.settings, self.database, self.pages = settings, database, pages
        self.now, self.html = now, html
        self.limits = Limits.of(settings)
        self.metrics = WorkerMetrics(ProcessMetrics(settings.whatsapp_session_path), now)
        self.doorbell = Doorbell(stores.redis)
        self.start_slots = StartSlots(settings.start_concurrency)
        self.change_watch = ChangeWatch(WhatsAppBreaker(database, self.limits.breaker))

        self.connections = ConnectionStore(database, events)
        self.leases = LeaseStore(
            database, events, settings.worker_id, instance, settings.lease_ttl, predecessor
        )
        self.registry = WorkerRegistry(database)
        self.linking = LinkingRequests(database)
        self.commands = CommandRequests(database)
        self.page_requests = PageRequests(database)
        self.checks = NumberCheckRequests(database)
        self.asked = AskedConnections(self.checks, settings.safety_poll)
        self.numbers = KnownNumbers(database, settings.not_on_whatsapp_for)
        self.proxy_passwords = ProxyPasswords(keys)
        self.blobs = BlobStore(database, keys)

        self.texts = TextSealer(keys, on=settings.seal_texts)
        self.outbox = Outbox(database, events)
        self.queue = SendQueue(database, events)
        self.referred = ReferredMessages(database)
        self.effects = Effects(database, self.texts)
        self.removals = Removals(database, self.outbox, events)

        self.intake_failures = IntakeFailures(database, now)

        self.media = MediaStore(database, keys, MediaLimits.of(settings))
        self.outgoing_files = OutgoingFiles(self.media, settings.media_prepare_limit)
        self.file_tries, self.file_bells = FileTries(database, events), FileBells()

        self.inbox = Inbox(database, events, self.texts, now)
        self.marks = Marks(database)
        self.received_files = ReceivedFiles(database, events)
        self.download_slots = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)

    async def prepare(self) -> None:
        """Create the indexes that connections need; safe to repeat and to race."""
        for store in (
            self.connections,
            self.removals,
            self.checks,
            self.page_requests,
            self.numbers,
            self.media,
        ):
            await store.prepare()
        await self.outbox.prepare(self.settings.message_retention)
        await ReceivedMessages(self.database).prepare(self.settings.received_retention)
