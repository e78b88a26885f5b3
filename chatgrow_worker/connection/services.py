"""The services that all connections of a worker share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.recycling import RecyclingLimits
from chatgrow_worker.connection.number_checks import AskedConnections
from chatgrow_worker.connection.recovery import RecoveryRules
from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.qr_form import QrForm
from chatgrow_worker.receiving.downloads import DownloadLimits
from chatgrow_worker.receiving.receiver import ReceivingLimits
from chatgrow_worker.sending.limits import SendLimits
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.whatsapp_change.change_gate import GateLimits
from chatgrow_worker.whatsapp_change.change_watch import ChangeWatch
from chatgrow_worker.whatsapp_change.emergency_html import EmergencyHtml
from sessions.blobs import BlobStore
from sessions.common.disk_space import DiskWatch
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
from sessions.conversations.received_files import ReceivedFiles
from sessions.deletion.connections import Removals
from sessions.media.store import MediaStore
from sessions.messages.effects import Effects
from sessions.messages.file_tries import FileBells
from sessions.messages.outbox import Outbox
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextSealer
from sessions.messages.send_queue import SendQueue
from sessions.queue.doorbell import Doorbell
from sessions.recipients.known_numbers import KnownNumbers
from sessions.recipients.number_checks import NumberCheckRequests


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


@dataclass(frozen=True)
class Limits:
    """How often a page is polled, and how long it may stay in each state."""

    look_every: timedelta
    look_when_ready: timedelta
    look_while_loading: timedelta
    start_slot: timedelta
    recovery_rules: RecoveryRules
    reload: timedelta
    disk: DiskWatch
    """The disk of the profiles."""
    recycling: RecyclingLimits
    collect_garbage: bool
    qr_form: QrForm
    qr_asked_within: timedelta
    pairing_pause: timedelta
    wipe_within: timedelta
    """How long a page may take to wipe its login; it deletes its databases one by one."""
    save_after: timedelta
    save_every: timedelta
    lease_ttl: timedelta
    lease_margin: timedelta
    restart_first: timedelta
    restart_cap: timedelta
    safety_poll: timedelta
    ban_pause: timedelta
    logout_within: timedelta
    sends: SendLimits
    downloads: DownloadLimits
    receiving: ReceivingLimits
    gate: GateLimits


@dataclass(frozen=True)
class WorkerServices:
    """The stores, the browsers, the clock and the metrics."""

    connections: ConnectionStore
    outbox: Outbox
    queue: SendQueue
    leases: LeaseStore
    registry: WorkerRegistry
    blobs: BlobStore
    linking: LinkingRequests
    commands: CommandRequests
    removals: Removals
    checks: NumberCheckRequests
    page_requests: PageRequests
    asked: AskedConnections
    numbers: KnownNumbers
    doorbell: Doorbell
    pages: PageOpener
    limits: Limits
    start_slots: StartSlots
    now: Callable[[], datetime]
    metrics: WorkerMetrics
    change_watch: ChangeWatch
    html: EmergencyHtml
    proxy_passwords: ProxyPasswords
    texts: TextSealer
    media: MediaStore
    inbox: Inbox
    marks: Marks
    outgoing_files: OutgoingFiles
    received_files: ReceivedFiles
    download_slots: asyncio.Semaphore
    """How many received files are fetched at a time."""
    file_bells: FileBells
    referred: ReferredMessages
    effects: Effects
