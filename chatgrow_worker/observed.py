"""Collect and serve the metrics of a worker while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.monitoring.gauges import PoolCollector
from chatgrow_worker.monitoring.server import serving_metrics
from chatgrow_worker.pool.pool import ConnectionPool
from sessions.metrics import ConnectionLabels, StoreProbe
from sessions.storage.mongo import database_answers


@asynccontextmanager
async def observed(pool: ConnectionPool, services: WorkerServices) -> AsyncIterator[None]:
    """Collect and serve metrics inside the block."""
    process, settings = services.metrics.process, services.settings
    labels = ConnectionLabels(with_names=settings.metrics_names)
    gauges = PoolCollector(pool.connections, pool.capacity, services.pages.profile, labels)
    process.registry.register(gauges)
    answers = {
        "mongo": lambda: database_answers(services.database),
        "redis": services.doorbell.answers,
    }
    looks = (StoreProbe(process, answers).look, gauges.look)
    async with (
        process.watching_the_loop(),
        serving_metrics(settings, process.registry, looks),
    ):
        yield
