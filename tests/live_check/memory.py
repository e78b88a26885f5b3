"""How much memory a worker's browser takes, all its processes together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psutil

_EVERY = timedelta(milliseconds=500)
_NAMES = ("chrom", "headless_shell")
_MB = 1_000_000


class BrowserMemory:
    """Measures again and again, and keeps the last figure and the highest one."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self.peak_mb = 0

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[BrowserMemory]:
        """Measure until the block ends."""
        measuring = asyncio.create_task(self._measure(), name="memory")
        try:
            yield self
        finally:
            measuring.cancel()
            await asyncio.gather(measuring, return_exceptions=True)

    async def now_mb(self) -> int:
        """Return what it takes now, in MB; memory that is shared counts in part (PSS)."""
        found = await asyncio.to_thread(_pss, self._worker) // _MB
        self.peak_mb = max(self.peak_mb, found)
        return found

    async def _measure(self) -> None:
        while True:
            await self.now_mb()
            await asyncio.sleep(_EVERY.total_seconds())


def _pss(worker: int) -> int:
    try:
        below = psutil.Process(worker).children(recursive=True)
    except psutil.NoSuchProcess:
        return 0
    return sum(_pss_of(process) for process in below)


def _pss_of(process: psutil.Process) -> int:
    try:
        if not any(name in process.name() for name in _NAMES):
            return 0
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
