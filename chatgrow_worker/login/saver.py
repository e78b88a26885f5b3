"""Save a login while it works: localStorage at once, a blob soon and then regularly."""

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
_PAUSE_FACTOR = 3
"""After a failed save, wait this many times its duration: a save uses much of the network."""


class LoginSaver:
    """Save the login of one page session, but only while its page is logged in."""

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
        self._has_slot = False
        self._noted = False
        self._unwritten: dict[str, str] | None = None

    @property
    def due(self) -> float | None:
        """When the next blob is due, by the monotonic clock; None before the first is scheduled."""
        return self._due

    async def keep_dump(self, dump: dict[str, str] | None) -> None:
        """Write the newest localStorage of a logged-in page to disk; None if it has not changed.

        If the disk fails, the next call tries it again.
        """
        dump = self._unwritten if dump is None else dump
        if dump is None:
            return
        try:
            await asyncio.to_thread(self._keep, dump)
        except OSError as error:
            if self._unwritten is None:
                logger.error("The login's localStorage cannot be written to disk: {}", error)
            self._unwritten = dump
        else:
            self._unwritten = None

    async def save_when_due(self) -> None:
        """Start to save a blob if one is due: soon after the page is ready, then regularly."""
        if self._due is None:
            self._due = time.monotonic() + self._settle
            # This login works: the backup of another one is not needed any more.
            await asyncio.to_thread(remove_backup, self._browser.profile)
        if time.monotonic() >= self._due and self._is_idle():
            self._due = time.monotonic() + self._every
            self._saving = asyncio.create_task(
                self._save_hot(), name=f"saving {self._lease.connection}"
            )

    async def end(self) -> None:
        """Wait for a running save; cancel it if this call is cancelled, or if it has no slot yet.

        A save that is cancelled leaves the previous blob in place, but may need a while to end.
        """
        if self._saving is None:
            return
        await asyncio.sleep(0)  # let a save that has just begun take a slot
        if not self._has_slot:
            self.cancel()
        try:
            await asyncio.wait({self._saving})
        except asyncio.CancelledError:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Cancel a running save, for example because the lease is lost."""
        if self._saving is not None:
            self._saving.cancel()

    async def leave(self) -> bool:
        """End the page's scripts and write its last localStorage; tell whether it was logged in.

        If the page does not answer, it is not asked again: its browser is closed next.
        """
        page = self._browser.page
        try:
            snapshot = await page.snapshot()
            if snapshot is None or snapshot.state not in LOGGED_IN:
                return False
            await self.keep_dump(await page.leave())
        except (PageBrokenError, PageCallError) as error:
            logger.warning("The page's last localStorage could not be read: {}", error)
        return True

    async def save_clean(self) -> None:
        """Save the profile of a browser that was closed in order: this is the best copy."""
        if self._browser.closed_in_order:
            async with self._slot():
                profile = self._browser.profile
                dump = await asyncio.to_thread(read_dump, profile)
                await self._save(profile, BlobKind.CLEAN, dump)

    async def _save_hot(self) -> None:
        """Save from the running browser: its files while it is frozen, and a dump from the page."""
        page = self._browser.page
        async with self._slot():
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
    async def _slot(self) -> AsyncIterator[None]:
        async with self._blobs.slot():
            self._has_slot = True
            try:
                with self._failure_counted():
                    yield
            finally:
                self._has_slot = False

    @contextmanager
    def _failure_counted(self) -> Iterator[None]:
        """Count and log a save that fails, and schedule the next one soon."""
        began = time.monotonic()
        try:
            yield
        except LeaseLostError:
            self._failed("another owner has the connection")
        except (PageBrokenError, PageCallError) as error:
            self._failed(f"the page failed: {error}", began)
        except STORE_DOWN as error:
            self._failed(f"MongoDB is away or refuses it: {brief(error)}", began)
        except (NotSavedError, OSError) as error:
            self._failed(str(error), began)

    def _failed(self, why: str, began: float | None = None) -> None:
        logger.warning("The login was not saved: {}", why)
        self._metrics.session_not_saved()
        if began is not None:
            now = time.monotonic()
            wait = max(_AGAIN.total_seconds(), (now - began) * _PAUSE_FACTOR)
            self._due = now + min(wait, self._every)

    def _keep(self, dump: dict[str, str]) -> None:
        """Write the dump into the profile, and before the first one, our lease generation."""
        if not self._noted:
            note = ProfileNote(generation=self._lease.generation)
            write_note(self._browser.profile, note)
            self._noted = True
        write_dump(self._browser.profile, dump)

    def _is_idle(self) -> bool:
        return self._saving is None or self._saving.done()
