"""Looks that a scrape takes at something slow, so bounded that no scrape can hang on them."""

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
Seen = TypeVar("Seen")


class CachedProbe(Generic[Seen]):
    """One look at a time for all who ask; what it saw is kept for a moment."""

    def __init__(
        self,
        look: Callable[[], Coroutine[Any, Any, Seen | None]],
        within: timedelta,
        fresh_for: timedelta,
    ) -> None:
        self._look = look
        self._within = within.total_seconds()
        self._fresh_for = fresh_for.total_seconds()
        self._looking: asyncio.Task[Seen | None] | None = None
        self._began = self._ended = float("-inf")
        self._seen: Seen | None = None

    async def get(self) -> Seen | None:
        """Return what was seen lately, or None when there was nothing to see in time."""
        now = asyncio.get_running_loop().time
        if self._looking is None and now() - self._ended >= self._fresh_for:
            self._looking = asyncio.create_task(self._look(), name="look for the metrics")
            self._began = now()
        if (task := self._looking) is not None:
            left = max(0.0, self._began + self._within - now())
            await asyncio.wait({task}, timeout=left)
            if not task.done():
                # It goes on, and nobody waits for it again; what is known by now is too old.
                self._seen = None
            elif task is self._looking:
                self._looking, self._ended = None, now()
                self._seen = _result_of(task)
        return self._seen


def _result_of(task: asyncio.Task[Seen | None]) -> Seen | None:
    if task.cancelled():
        return None
    if error := task.exception():
        logger.opt(exception=error).error("A look for the metrics failed")
        return None
    return task.result()


class StoreProbe:
    """Notes at each scrape which stores answer."""

    def __init__(
        self,
        metrics: ProcessMetrics,
        stores: Mapping[str, Callable[[], Coroutine[Any, Any, bool]]],
    ) -> None:
        self._metrics = metrics
        self._glimpses = {
            name: CachedProbe(answers, _STORES_WITHIN, _STORES_FRESH_FOR)
            for name, answers in stores.items()
        }

    async def look(self) -> None:
        """Ask the stores, all at once, for a second at most."""
        seen = await asyncio.gather(*(each.get() for each in self._glimpses.values()))
        for name, answers in zip(self._glimpses, seen, strict=True):
            self._metrics.store_answers(name, answers=bool(answers))
