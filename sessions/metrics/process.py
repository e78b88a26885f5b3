"""The metrics of every process: about itself, its stores, and the messages that it accepts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from sessions.common.disk_space import free_bytes

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets in seconds, for what should take milliseconds."""
LONG = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0)
"""Buckets in seconds, for what may wait long, such as for a phone."""
_LAG_EVERY = timedelta(milliseconds=500)


class ProcessMetrics:
    """The metrics that both programs have; each adds its own to `registry`."""

    def __init__(self, data: Path = Path()) -> None:
        """`data` is the folder on whose disk the process keeps its files."""
        # Else the library adds a series `_created` to each metric.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        histogram = partial(Histogram, buckets=SHORT, registry=self.registry)
        self._lag = histogram(
            "chatgrow_event_loop_lag_seconds",
            "How much later than due the event loop does its work.",
        )
        self._store_up = Gauge(
            "chatgrow_store_up",
            "Whether this process reaches the store: 1, or 0.",
            ["store"],
            registry=self.registry,
        )
        Gauge(
            "chatgrow_disk_free_bytes",
            "Free space on the disk with this process's data.",
            registry=self.registry,
        ).set_function(lambda: free_bytes(data))
        self._accepting = histogram(
            "chatgrow_accept_duration_seconds",
            "How long it took to store what a request or a job asked to send.",
        )
        self._accepted = Counter(
            "chatgrow_messages_accepted_total",
            "Messages that were stored to be sent; the same request again adds none.",
            registry=self.registry,
        )

    def accepted(self, messages: int, seconds: float) -> None:
        """Count messages that were stored, and how long that took."""
        self._accepting.observe(seconds)
        self._accepted.inc(messages)

    def store_answers(self, store: str, *, answers: bool) -> None:
        """Record whether a store answers now."""
        self._store_up.labels(store).set(answers)

    @asynccontextmanager
    async def watching_the_loop(self) -> AsyncIterator[None]:
        """Measure the event loop's lag inside the block."""
        task = asyncio.create_task(self._watch(), name="event loop lag")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        loop, every = asyncio.get_running_loop(), _LAG_EVERY.total_seconds()
        while True:
            due = loop.time() + every
            await asyncio.sleep(every)
            self._lag.observe(max(0.0, loop.time() - due))
