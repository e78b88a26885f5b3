"""Let a worker be observed: its metrics are served while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatgrow_worker.connections.gauges import PoolCollector
from chatgrow_worker.connections.parts import Parts
from chatgrow_worker.connections.pool import ConnectionPool
from chatgrow_worker.metrics_server import serving_metrics
from chatgrow_worker.settings import WorkerSettings
from sessions.doorbell import Doorbell
from sessions.metrics import ConnectionLabels, StoreProbe
from sessions.mongo import database_answers
from sessions.program import Stores


@asynccontextmanager
async def observed(
    settings: WorkerSettings, stores: Stores, pool: ConnectionPool, parts: Parts
) -> AsyncIterator[None]:
    """Measure and serve inside the block."""
    process = parts.metrics.process
    labels = ConnectionLabels(with_names=settings.metrics_names)
    gauges = PoolCollector(pool.connections, pool.capacity, parts.pages.profile, labels)
    process.registry.register(gauges)
    probe = StoreProbe(
        process,
        {
            "mongo": lambda: database_answers(stores.database),
            "redis": Doorbell(stores.redis).answers,
        },
    )
    looks = (probe.look, gauges.look)
    async with (
        process.watching_the_loop(),
        serving_metrics(settings, process.registry, looks),
    ):
        yield
