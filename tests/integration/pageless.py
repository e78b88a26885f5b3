"""A worker whose pages never come up, or are ready at once: all of it but the browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.profile_notes import ProfileNote, write_note
from chatgrow_worker.connection.services import PageOpener, WorkerServices
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.pool.pool import ConnectionPool
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.wiring import emergency_html, key_ring
from sessions.common.clock import utc_now
from sessions.connections.commands import CommandRequests
from sessions.connections.model import Connection, Proxy
from sessions.connections.states import ConnectionState, Reason
from sessions.deletion.connections import Removals
from sessions.program import Stores as Servers
from tests.blob_profiles import login, write_profile
from tests.builders import LONG, Stores
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

Pages = TypeVar("Pages", bound=PageOpener)


@dataclass
class NoPages:
    """Opens no page, ever."""

    root: Path
    opened: list[str] = field(default_factory=list)

    def profile(self, connection: str) -> Path:
        return self.root / connection

    def open(
        self,
        connection: str,
        restore_local_storage: dict[str, str] | None = None,
        proxy: Proxy | None = None,
    ) -> AbstractAsyncContextManager[Browser]:
        self.opened.append(connection)
        raise PageBrokenError(Reason.PAGE_UNREACHABLE)


@dataclass
class PagelessWorker(Generic[Pages]):
    """A worker without browsers, and the desks of those who ask."""

    stores: Stores
    pages: Pages
    pool: ConnectionPool
    requests: CommandRequests
    removals: Removals
    parts: WorkerServices

    async def linked(self) -> Connection:
        """Store a connection that was linked, whose login is on this worker's disk."""
        connection, lease = await self.stores.leased("before")
        for here, there in (
            (ConnectionState.STARTING, ConnectionState.SYNCING),
            (ConnectionState.SYNCING, ConnectionState.CONNECTED),
        ):
            await self.stores.connections.move(lease, here, there, None, "+972501111111")
        profile = write_profile(self.pages.profile(connection.id), login(b"local"))
        write_note(profile, ProfileNote(generation=lease.generation))
        await self.stores.connections.want(connection, "stopped")
        await self.stores.leases("before").release(lease, Reason.WAITING_FOR_WORKER)
        return connection

    async def ended(self, connection: Connection) -> Connection:
        """Wait until nobody runs the connection; return it."""

        async def free() -> bool:
            return not (await self.stores.connections.get(connection.id)).leased

        await until(free)
        return await self.stores.connections.get(connection.id)


@asynccontextmanager
async def pageless_worker(
    stores: Stores,
    redis: ArqRedis,
    data: Path,
    pages: Pages,
    lease_ttl: timedelta = timedelta(seconds=10),
    room: int = 1,
    **settings: Any,
) -> AsyncIterator[PagelessWorker[Pages]]:
    """Assemble the worker `one`, which has room for one connection and saves logins at once."""
    own = WorkerSettings(
        _env_file=None,
        data_dir=data,
        worker_id="one",
        whatsapp_max_connections=room,
        logout_limit=timedelta(seconds=0.5),
        lease_ttl=lease_ttl,
        **settings,
    )
    servers = Servers(stores.database, redis, "")
    parts = WorkerServices(
        own,
        servers,
        stores.events,
        pages,
        "instance",
        keys=key_ring(own),
        now=utc_now,
        html=emergency_html(own, servers, utc_now),
    )
    parts.limits = replace(
        parts.limits,
        save_after=timedelta(0),
        wipe_within=timedelta(0),
        restart_first=timedelta(milliseconds=20),
        look_every=timedelta(milliseconds=100),
    )
    pool = ConnectionPool(parts, "one", "instance", room)
    yield PagelessWorker(stores, pages, pool, parts.commands, parts.removals, parts)
    await pool.close(LONG, at_once=1)
