"""What is read anew at each scrape of a worker: its connections, and their browsers' memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chatgrow_worker.browser.wear import memory_by_profile
from chatgrow_worker.connections.parts import PageOpener
from chatgrow_worker.connections.pool import ConnectionPool
from sessions.metrics import Glimpse, connection_label

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_MEMORY_WITHIN = timedelta(seconds=2)
_MEMORY_FRESH_FOR = timedelta(seconds=15)


class PoolCollector(Collector):
    """The connections that run here now; one that has left has no series any more."""

    def __init__(self, pool: ConnectionPool, pages: PageOpener) -> None:
        self._pool = pool
        self._pages = pages
        self._memory: Mapping[str, int] = {}
        self._glimpse = Glimpse(self._measure, _MEMORY_WITHIN, _MEMORY_FRESH_FOR)

    async def look(self) -> None:
        """Measure the memory before a scrape, for two seconds at most."""
        self._memory = await self._glimpse.get() or {}

    def collect(self) -> Iterator[Metric]:
        """Give the metrics to the registry."""
        running = GaugeMetricFamily(
            "chatgrow_worker_connections", "Connections that run here.", value=self._pool.running
        )
        capacity = GaugeMetricFamily(
            "chatgrow_worker_capacity", "Connections that may run here.", value=self._pool.capacity
        )
        memory = GaugeMetricFamily(
            "chatgrow_browser_memory_bytes",
            "Memory of a connection's browser, all its processes, what they share divided (PSS).",
            labels=["connection"],
        )
        for each in self._pool.connections():
            if (used := self._memory.get(each.id)) is not None:
                label = connection_label(each.owner, each.connection_id, each.id)
                memory.add_metric([label], used)
        yield from (running, capacity, memory)

    async def _measure(self) -> Mapping[str, int]:
        profiles = {each.id: self._pages.profile(each.id) for each in self._pool.connections()}
        return await asyncio.to_thread(memory_by_profile, profiles)
