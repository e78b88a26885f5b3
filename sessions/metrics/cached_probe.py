"""Slow measurements for a scrape: cached, and bounded, so that no scrape waits long for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from loguru import logger

if TYPE_CHECKING:
    from sessions.metrics.process import ProcessMetrics

_STORES_WITHIN = timedelta(seconds=1)
_STORES_FRESH_FOR = timedelta(seconds=3)
Found = TypeVar("Found")


class CachedProbe(Generic[Found]):
    """Run one measurement at a time for all callers, and keep its result for a moment."""

    def __init__(
        self,
        measure: Callable[[], Coroutine[Any, Any, Found | None]],
        within: timedelta,
        fresh_for: timedelta,
    ) -> None:
        self._measure = measure
        self._within = within.total_seconds()
        self._fresh_for = fresh_for.total_seconds()
        self._running: asyncio.Task[Found | None] | None = None
        self._began = self._ended = float("-inf")
        self._found: Found | None = None

    async def get(self) -> Found | None:
        """Return the latest result; None if the measurement failed or takes too long."""
        now = asyncio.get_running_loop().time
        if self._running is None and now() - self._ended >= self._fresh_for:
            self._running = asyncio.create_task(self._measure(), name="measure for the metrics")
            self._began = now()
        if (task := self._running) is not None:
            left = max(0.0, self._began + self._within - now())
            await asyncio.wait({task}, timeout=left)
            if not task.done():
                # It goes on, but later calls do not wait again; the last result is too old.
                self._found = None
            elif task is self._running:
                self._running, self._ended = None, now()
                self._found = _result_of(task)
        return self._found


def _result_of(task: asyncio.Task[Found | None]) -> Found | None:
    if task.cancelled():
        return None
    if error := task.exception():
        logger.opt(exception=error).error("A measurement for the metrics has failed")
        return None
    return task.result()


class StoreProbe:
    """Record at each scrape which stores answer."""

    def __init__(
        self,
        metrics: ProcessMetrics,
        stores: Mapping[str, Callable[[], Coroutine[Any, Any, bool]]],
    ) -> None:
        self._metrics = metrics
        self._probes = {
            name: CachedProbe(answers, _STORES_WITHIN, _STORES_FRESH_FOR)
            for name, answers in stores.items()
        }

    async def look(self) -> None:
        """Ask all stores at once, for at most a second."""
        found = await asyncio.gather(*(each.get() for each in self._probes.values()))
        for name, answers in zip(self._probes, found, strict=True):
            self._metrics.store_answers(name, answers=bool(answers))
