"""Collect and serve the metrics of a worker while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.monitoring.gauges import PoolCollector
from chatgrow_worker.monitoring.server import serving_metrics
from chatgrow_worker.pool.pool import ConnectionPool
from chatgrow_worker.settings import WorkerSettings
from sessions.metrics import ConnectionLabels, StoreProbe
from sessions.program import Stores
from sessions.queue.doorbell import Doorbell
from sessions.storage.mongo import database_answers


@asynccontextmanager
async def observed(
    settings: WorkerSettings, stores: Stores, pool: ConnectionPool, services: WorkerServices
) -> AsyncIterator[None]:
    """Collect and serve metrics inside the block."""
    process = services.metrics.process
    labels = ConnectionLabels(with_names=settings.metrics_names)
    gauges = PoolCollector(pool.connections, pool.capacity, services.pages.profile, labels)
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
