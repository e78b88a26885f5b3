"""Hot copies of a browser that writes without end: all restore, with the newest of both stores."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.driver import Driver
from sessions.blobs import Blob, BlobKind, BlobStore
from sessions.common.clock import utc_now
from sessions.encryption.keys import Key, KeyRing
from sessions.storage.mongo import open_database
from tests.builders import LONG, Stores
from tests.soak.load_browsers import ask, launcher, load_site
from tests.soak.report import Report, spread
from tests.soak.sizes import Sizes
from tests.soak.system import eventually, soak_stack

if TYPE_CHECKING:
    from sessions.connections.leases import Lease

_WRITER = "writer"
_WARM = 200
_PATIENCE = timedelta(seconds=30)
_EVERY = 10


@dataclass(frozen=True)
class Copy:
    """One saved copy and what it must hold; `committed` bounds what IndexedDB had at the freeze."""

    blob: Blob
    dump: dict[str, str]
    committed: range


@dataclass(frozen=True)
class Desk:
    """Where copies are saved and opened again."""

    driver: Driver
    site: str
    folder: Path
    blobs: BlobStore
    lease: Lease


async def run(report: Report, sizes: Sizes) -> None:
    """Copy, save, restore and open, again and again while the page goes on writing."""
    temporary = Path(tempfile.mkdtemp(prefix="chatgrow-soak-"))
    driver = Driver(temporary)
    try:
        async with (
            soak_stack("--workers", "0") as system,
            load_site() as site,
            open_database(system.about["mongo"], _PATIENCE) as database,
        ):
            stores = Stores(database)
            await stores.prepare()
            _, lease = await stores.leased()
            blobs = BlobStore(database, KeyRing([Key.generate()]))
            with tempfile.TemporaryDirectory(prefix="soak-copies-") as folder:
                await _copies(report, sizes, Desk(driver, site, Path(folder), blobs, lease))
    finally:
        await driver.close()
        shutil.rmtree(temporary, ignore_errors=True)


async def _copies(report: Report, sizes: Sizes, requests: Desk) -> None:
    failures: list[str] = []
    first = last = 0
    writers = launcher(requests.driver, requests.site, "write", requests.folder / "writer")
    async with writers.open(_WRITER) as browser:
        await eventually(lambda: _has_written(browser, _WARM), "the page writes", LONG)
        with _frozen_for() as frozen:
            began = time.monotonic()
            for number in range(1, sizes.copies + 1):
                copy = await _copy(requests, browser)
                first, last = first or copy.committed.start, copy.committed.stop
                failures += await _what_is_wrong(requests, copy, number)
                if number % _EVERY == 0:
                    report.step(f"{number} copies, {len(failures)} failures")
            rate = (last - first) / (time.monotonic() - began)
    report.figure("hot copies", sizes.copies)
    report.figure("stood still for", spread([each * 1000 for each in frozen], "ms"))
    report.figure("write load", f"{rate:.0f} commits a second, over all of the run")
    report.figure("failures", len(failures))
    assert len(frozen) == sizes.copies
    assert not failures, failures
    assert not list(writers.profile(_WRITER).parent.glob(".copy-*")), "a copy was left behind"


async def _has_written(browser: Browser, count: int) -> bool:
    return int(await ask(browser, "window.committed ?? 0")) >= count


async def _copy(requests: Desk, browser: Browser) -> Copy:
    """Save a hot copy as the worker does: the dump first, then the files while all stands still."""
    dump = await browser.page.local_storage(always=True)
    assert dump is not None
    before = int(await ask(browser, "window.committed"))
    async with browser.copy_of_login() as copy:
        after = int(await ask(browser, "window.committed"))
        saved = await requests.blobs.save(requests.lease, copy, BlobKind.HOT, dump, utc_now())
    assert saved is not None, "the copy equals the one before: the page does not write"
    return Copy(saved.blob, dump, range(before, after + 2))


async def _what_is_wrong(requests: Desk, copy: Copy, number: int) -> list[str]:
    """Restore a copy to an empty disk and open it; return what is not as it must be."""
    readers = launcher(requests.driver, requests.site, "read", requests.folder / f"reader{number}")
    name = f"reader{number}"
    dump = await requests.blobs.restore(requests.lease.connection, copy.blob, readers.profile(name))
    if dump != copy.dump:
        return [f"{number}: the dump came back changed"]
    async with readers.open(name, local_storage=dump) as browser:
        await eventually(lambda: _has_loaded(browser), "the restored page loads", LONG)
        try:
            found = await ask(browser, "found()")
        except Exception as error:  # noqa: BLE001 - whatever the page says is a copy that failed
            return [f"{number}: {error}"]
    local = int(copy.dump["count"])
    if (found["local"], found["unsealed"]) != (local, local):
        return [f"{number}: localStorage {found}, not {local}"]
    if found["database"] not in copy.committed:
        return [f"{number}: IndexedDB {found}, not in {copy.committed}"]
    return []


async def _has_loaded(browser: Browser) -> bool:
    return bool(await ask(browser, "document.readyState === 'complete' && 'found' in window"))


@contextmanager
def _frozen_for() -> Iterator[list[float]]:
    """Collect how many seconds each freeze of a process group took."""
    frozen: list[float] = []
    stopped: dict[int, float] = {}
    kill_group = os.killpg

    def watched(group: int, number: int) -> None:
        if number == signal.SIGSTOP:
            stopped[group] = time.monotonic()
        kill_group(group, number)
        if number == signal.SIGCONT and group in stopped:
            frozen.append(time.monotonic() - stopped.pop(group))

    with patch.object(os, "killpg", watched):
        yield frozen
