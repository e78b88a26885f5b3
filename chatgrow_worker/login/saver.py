"""Save a login while it lives: a dump at once, a blob soon after linking and then now and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from loguru import logger

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.profile_backup import remove_backup
from chatgrow_worker.browser.profile_notes import ProfileNote, read_dump, write_dump, write_note
from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.errors import PageBrokenError, PageCallError
from chatgrow_worker.page.snapshot import LOGGED_IN, PageState
from sessions.blobs import BlobKind, BlobStore, NotSavedError
from sessions.common.errors import LeaseLostError
from sessions.connections.leases import Lease
from sessions.storage.mongo import STORE_DOWN, brief

_AGAIN = timedelta(seconds=15)
_RESTS = 3
"""So many times longer than a save took before it failed the next one waits: it costs the line."""


class LoginSaver:
    """Saves one visit's login; never from a page that is not logged in."""

    def __init__(
        self,
        browser: Browser,
        blobs: BlobStore,
        lease: Lease,
        now: Callable[[], datetime],
        settle: timedelta,
        every: timedelta,
        metrics: WorkerMetrics,
    ) -> None:
        self._browser = browser
        self._blobs = blobs
        self._lease = lease
        self._now = now
        self._metrics = metrics
        self._every = every.total_seconds()
        self._settle = settle.total_seconds()
        self._due: float | None = None
        self._saving: asyncio.Task[None] | None = None
        self._has_turn = False
        self._noted = False
        self._unkept: dict[str, str] | None = None

    @property
    def due(self) -> float | None:
        """When the next blob is due, on the monotonic clock; None before the first is known."""
        return self._due

    async def keep_dump(self, dump: dict[str, str] | None) -> None:
        """Keep the newest localStorage of a page that is logged in on disk; None for no news.

        One that the disk does not take is tried again at the next call.
        """
        dump = self._unkept if dump is None else dump
        if dump is None:
            return
        try:
            await asyncio.to_thread(self._keep, dump)
        except OSError as error:
            if self._unkept is None:
                logger.error("The disk does not take the login's localStorage: {}", error)
            self._unkept = dump
        else:
            self._unkept = None

    async def save_when_due(self) -> None:
        """Begin a blob when one is due: soon after the page is ready, then now and again."""
        if self._due is None:
            self._due = time.monotonic() + self._settle
            # This login works: the one that gave way to it is not needed any more.
            await asyncio.to_thread(remove_backup, self._browser.profile)
        if time.monotonic() >= self._due and self._is_idle():
            self._due = time.monotonic() + self._every
            self._saving = asyncio.create_task(
                self._save_hot(), name=f"saving {self._lease.connection}"
            )

    async def end(self) -> None:
        """Await a save under way, which is cut off when this is cancelled.

        One that was cut off leaves the blob before it, and may need a while for that. One that
        still waits for its turn is dropped.
        """
        if self._saving is None:
            return
        await asyncio.sleep(0)  # one that was only just begun takes its turn, if there is one
        if not self._has_turn:
            self.cut()
        try:
            await asyncio.wait({self._saving})
        except asyncio.CancelledError:
            self.cut()
            raise

    def cut(self) -> None:
        """Stop a save under way at once: the lease is lost."""
        if self._saving is not None:
            self._saving.cancel()

    async def leave(self) -> bool:
        """Have the page leave WhatsApp, and keep its last localStorage; tell if it was logged in.

        The browser is closed next, and that is no time to ask a page that does not answer again.
        """
        page = self._browser.page
        try:
            snapshot = await page.snapshot()
            if snapshot is None or snapshot.state not in LOGGED_IN:
                return False
            await self.keep_dump(await page.leave())
        except (PageBrokenError, PageCallError) as error:
            logger.warning("The page did not tell how it leaves its localStorage: {}", error)
        return True

    async def save_clean(self) -> None:
        """Save the profile of a browser that was closed in order: the best copy there is."""
        if self._browser.closed_in_order:
            async with self._turn():
                profile = self._browser.profile
                dump = await asyncio.to_thread(read_dump, profile)
                await self._save(profile, BlobKind.CLEAN, dump)

    async def _save_hot(self) -> None:
        """Save from the running browser: its files while it stands still, and an exact dump."""
        page = self._browser.page
        async with self._turn():
            dump = await page.local_storage(always=True)
            async with self._browser.copy_of_login() as copy:
                snapshot = await page.snapshot()
                if dump is not None and snapshot and snapshot.state is PageState.READY:
                    await asyncio.to_thread(self._keep, dump)
                    await self._save(copy, BlobKind.HOT, dump)
                else:
                    self._due = time.monotonic() + _AGAIN.total_seconds()

    async def _save(self, profile: Path, kind: BlobKind, dump: dict[str, str] | None) -> None:
        began = time.monotonic()
        saved = await self._blobs.save(self._lease, profile, kind, dump, self._now())
        self._metrics.session_saved(time.monotonic() - began, saved.size if saved else None)
        if saved is not None:
            logger.info(
                "Saved the login, blob {} ({}), {} bytes, {} of them new",
                *(saved.blob.serial, kind, saved.size, saved.added),
            )

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._blobs.slot():
            self._has_turn = True
            try:
                with self._failure_counted():
                    yield
            finally:
                self._has_turn = False

    @contextmanager
    def _failure_counted(self) -> Iterator[None]:
        """Count a save that fails, whatever the cause, and try it again before the next is due."""
        began = time.monotonic()
        try:
            yield
        except LeaseLostError:
            self._failed("another owner has the connection")
        except (PageBrokenError, PageCallError) as error:
            self._failed(f"the page let it down: {error}", began)
        except STORE_DOWN as error:
            self._failed(f"MongoDB is away or refuses it: {brief(error)}", began)
        except (NotSavedError, OSError) as error:
            self._failed(str(error), began)

    def _failed(self, why: str, began: float | None = None) -> None:
        logger.warning("The login was not saved: {}", why)
        self._metrics.session_not_saved()
        if began is not None:
            now = time.monotonic()
            wait = max(_AGAIN.total_seconds(), (now - began) * _RESTS)
            self._due = now + min(wait, self._every)

    def _keep(self, dump: dict[str, str]) -> None:
        """Write the dump beside the profile, and first that the profile is in use under us."""
        if not self._noted:
            note = ProfileNote(generation=self._lease.generation)
            write_note(self._browser.profile, note)
            self._noted = True
        write_dump(self._browser.profile, dump)

    def _is_idle(self) -> bool:
        return self._saving is None or self._saving.done()
