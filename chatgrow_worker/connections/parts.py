"""What every connection of a worker shares, handed down in one piece."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chatgrow_worker.connections.dispatcher import DispatchLimits
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.connections import ConnectionStore
from sessions.leases import LeaseStore
from sessions.outbox import Outbox


class PageOpener(Protocol):
    """Opens the page of a connection; the browser's `Launcher` is the real one."""

    def open(self, connection: str) -> AbstractAsyncContextManager[WhatsAppPage]:
        """Open WhatsApp Web on the connection's profile."""


@dataclass(frozen=True)
class Limits:
    """How often a page is looked at, and how long it may wait in each state."""

    look_every: timedelta
    look_while_loading: timedelta
    loading: timedelta
    syncing: timedelta
    offline: timedelta
    qr_first: timedelta
    qr_next: timedelta
    qr_rounds: int
    lease_ttl: timedelta
    lease_margin: timedelta
    restart_first: timedelta
    restart_cap: timedelta
    dispatch: DispatchLimits


@dataclass(frozen=True)
class Parts:
    """The stores, the browsers and the clock."""

    connections: ConnectionStore
    outbox: Outbox
    leases: LeaseStore
    pages: PageOpener
    limits: Limits
    now: Callable[[], datetime]
