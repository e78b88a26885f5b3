"""Logins of a given size: written by Chromium itself, so that they compress as real ones do."""

from __future__ import annotations

import re
import shutil
from itertools import count, cycle
from pathlib import Path

from playwright.async_api import Route, async_playwright

from chatgrow_worker.browser.options import find_chromium

PARTS = ("IndexedDB", "Local Storage")
_MB = 1_000_000
_PAGE = "http://127.0.0.1:9/"
_SCRIPT = Path(__file__).with_name("big_login.js")


async def write_login(profile: Path, size_mb: int) -> None:
    """Have Chromium write rows like messages until IndexedDB has about this size on disk."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile, executable_path=find_chromium(None), chromium_sandbox=False
        )
        page = context.pages[0]
        await page.route("**/*", _empty)
        await page.goto(_PAGE)
        await page.evaluate(_SCRIPT.read_text(encoding="utf-8"), size_mb)
        await context.close()


def enlarge(profile: Path, size_mb: int) -> None:
    """Repeat the tables of a login until it has this size.

    No compressor here looks back as far as from one copy to the next.
    """
    tables = sorted((profile / "Default" / "IndexedDB").glob("*/*.ldb"))
    numbers = count(max(int(re.sub(r"\D", "", table.stem)) for table in tables) + 1)
    size = size_of(profile)
    for table in cycle(tables):
        size += table.stat().st_size
        if size > size_mb * _MB:
            return
        shutil.copyfile(table, table.with_name(f"{next(numbers):06d}.ldb"))


def size_of(profile: Path) -> int:
    """Return the bytes of a login."""
    files = [each for part in PARTS for each in (profile / "Default" / part).rglob("*")]
    return sum(each.stat().st_size for each in files if each.is_file())


def copy_login(profile: Path, to: Path) -> None:
    """Copy the two parts of a login into another profile."""
    for part in PARTS:
        shutil.copytree(profile / "Default" / part, to / "Default" / part, dirs_exist_ok=True)


def touch_login(profile: Path, text: str) -> None:
    """Make a login differ from the one before: what is unchanged need not be saved."""
    folder = profile / "Default" / "Local Storage" / "leveldb"
    (folder / "999999.log").write_text(text, encoding="utf-8")


async def _empty(route: Route) -> None:
    await route.fulfill(status=200, content_type="text/html", body="<!doctype html>")
