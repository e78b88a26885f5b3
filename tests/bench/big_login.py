"""Logins of a given size: written by Chromium itself, so that they compress as real ones do."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import cycle
from pathlib import Path

from playwright.async_api import Page, Route, async_playwright
from psutil import Process

from chatgrow_worker.browser.options import find_chromium

PARTS = ("IndexedDB", "Local Storage")
_MB = 1_000_000
_PAGE = "http://127.0.0.1:9/"
_SCRIPT = Path(__file__).with_name("big_login.js")
_FIRST_COPY = 900_000


class Writer:
    """A browser that has a profile open and writes to it."""

    def __init__(self, profile: Path, page: Page) -> None:
        self._profile = profile
        self._page = page

    async def write(self, size_mb: float) -> None:
        """Add rows like messages, of about this size on disk."""
        await self._page.evaluate(_SCRIPT.read_text(encoding="utf-8"), size_mb)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let nothing be written, as while our worker copies a running browser's files."""
        own = f"--user-data-dir={self._profile}"
        found = [each for each in Process().children(recursive=True) if own in each.cmdline()]
        processes = [below for each in found for below in (each, *each.children(recursive=True))]
        for each in processes:
            each.suspend()
        try:
            yield
        finally:
            for each in processes:
                each.resume()


@asynccontextmanager
async def writing(profile: Path) -> AsyncIterator[Writer]:
    """Keep a browser open on a profile."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile, executable_path=find_chromium(None), chromium_sandbox=False
        )
        page = context.pages[0]
        await page.route("**/*", _empty)
        await page.goto(_PAGE)
        yield Writer(profile, page)
        await context.close()


def write_ballast(profile: Path, size_mb: int, to: Path) -> None:
    """Write tables like those of a login into `to`, as many as it lacks to this size.

    No two are equal, and no compressor here looks back as far as from one to its like.
    """
    tables = sorted((profile / "Default" / "IndexedDB").glob("*/*.ldb"))
    size = size_of(profile)
    for number, table in enumerate(cycle(tables), _FIRST_COPY):
        content = table.read_bytes()
        size += len(content)
        if size > size_mb * _MB:
            return
        copy = to / table.parent.relative_to(profile) / f"{number:06d}.ldb"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(number.to_bytes(8, "big") + content[8:])


def size_of(profile: Path) -> int:
    """Return the bytes of a login."""
    files = [each for part in PARTS for each in (profile / "Default" / part).rglob("*")]
    return sum(each.stat().st_size for each in files if each.is_file())


def copy_login(profile: Path, to: Path) -> None:
    """Put the two parts of a login in the place of those of another profile."""
    for part in PARTS:
        shutil.rmtree(to / "Default" / part, ignore_errors=True)
        shutil.copytree(profile / "Default" / part, to / "Default" / part)


async def _empty(route: Route) -> None:
    await route.fulfill(status=200, content_type="text/html", body="<!doctype html>")
