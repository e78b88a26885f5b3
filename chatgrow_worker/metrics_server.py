"""Serve a worker's metrics over HTTP, for Prometheus on the same machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from loguru import logger
from prometheus_client import CollectorRegistry

from chatgrow_worker.settings import WorkerSettings
from sessions.metrics import CONTENT_TYPE, exposition, may_scrape


@asynccontextmanager
async def serving_metrics(
    settings: WorkerSettings,
    registry: CollectorRegistry,
    looks: tuple[Callable[[], Awaitable[None]], ...],
) -> AsyncIterator[None]:
    """Serve `/metrics` inside the block, where METRICS_PORT is set; `looks` go before each scrape.

    A port that is taken costs the metrics, not the worker.
    """
    if settings.metrics_port is None:
        yield
        return

    async def show(request: web.Request) -> web.Response:
        if not may_scrape(settings.metrics_token, request.headers.get("Authorization")):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        await asyncio.gather(*(look() for look in looks))
        return web.Response(body=exposition(registry), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", show)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await _listen(runner, settings.metrics_host, settings.metrics_port)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        logger.error("No metrics: METRICS_HOST {} METRICS_PORT {}: {}", host, port, error.strerror)
    else:
        logger.info("Metrics at http://{}:{}/metrics", *runner.addresses[0][:2])
