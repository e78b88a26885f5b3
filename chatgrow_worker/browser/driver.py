"""Playwright's driver process: one for the worker, restarted if it has died."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import psutil
from loguru import logger
from playwright.async_api import BrowserType, Playwright, async_playwright

from chatgrow_worker.browser.temporary import empty

_STOP_LIMIT = timedelta(seconds=5)


class Driver:
    """Provide Playwright's Chromium; check each time whether the driver is still alive."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._playwright: Playwright | None = None
        self._process: psutil.Process | None = None
        self._lock = asyncio.Lock()

    async def chromium(self) -> BrowserType:
        """Return Playwright's launcher of Chromium, from a live driver."""
        async with self._lock:
            if self._playwright is None or not self._alive():
                await self._start()
            if self._playwright is None:
                raise RuntimeError("no driver")
            return self._playwright.chromium

    async def close(self) -> None:
        """Stop the driver; if it does not stop in time, kill it."""
        playwright, self._playwright = self._playwright, None
        if playwright is None:
            return
        try:
            if self._alive():
                async with asyncio.timeout(_STOP_LIMIT.total_seconds()):
                    await playwright.stop()
        except TimeoutError:
            logger.warning("The browser driver did not stop in time")
        if self._process and self._alive():
            self._process.kill()

    async def _start(self) -> None:
        if self._playwright is not None:
            logger.error("The browser driver has died; starting another")
            # Its browsers have ended, too: their pipes to it were closed.
            await asyncio.to_thread(empty, self._temporary)
        before = set(psutil.Process().children())
        self._playwright = await async_playwright().start()
        started = set(psutil.Process().children()) - before
        self._process = started.pop() if started else None

    def _alive(self) -> bool:
        if self._process is None:
            return True
        try:
            return self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
