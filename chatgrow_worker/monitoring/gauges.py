"""The gauges that are read at each scrape: a worker's connections, and their browsers' memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chatgrow_worker.browser.recycling import memory_by_profile
from sessions.metrics import CachedProbe, ConnectionLabels

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from sessions.connections.model import Connection

_MEMORY_WITHIN = timedelta(seconds=2)
_MEMORY_FRESH_FOR = timedelta(seconds=15)


class PoolCollector(Collector):
    """Collect the gauges of the connections that run here; others have no series."""

    def __init__(
        self,
        connections: Callable[[], list[Connection]],
        capacity: int,
        profile: Callable[[str], Path],
        labels: ConnectionLabels,
    ) -> None:
        """Take functions for the connections that run here and for the path of a profile."""
        self._connections = connections
        self._capacity = capacity
        self._profile = profile
        self._labels = labels
        self._memory: Mapping[str, int] = {}
        self._probe = CachedProbe(self._measure, _MEMORY_WITHIN, _MEMORY_FRESH_FOR)

    async def look(self) -> None:
        """Measure the memory before a scrape, in at most two seconds."""
        self._memory = await self._probe.get() or {}

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics for the registry."""
        connections = self._connections()
        running = GaugeMetricFamily(
            "chatgrow_worker_connections",
            "Connections that run here.",
            value=len(connections),
        )
        capacity = GaugeMetricFamily(
            "chatgrow_worker_capacity", "Connections that may run here.", value=self._capacity
        )
        memory = GaugeMetricFamily(
            "chatgrow_browser_memory_bytes",
            "Memory of a connection's browser, all its processes, what they share divided (PSS).",
            labels=["connection"],
        )
        for each in connections:
            if (used := self._memory.get(each.id)) is not None:
                label = self._labels.of(each.owner, each.connection_id, each.id)
                memory.add_metric([label], used)
        yield from (running, capacity, memory)

    async def _measure(self) -> Mapping[str, int]:
        profiles = {each.id: self._profile(each.id) for each in self._connections()}
        return await asyncio.to_thread(memory_by_profile, profiles)
