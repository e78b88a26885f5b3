"""Serve a worker's metrics over HTTP, with the same access rules as those of the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from socket import gethostname

from aiohttp import hdrs, web
from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from chatgrow_worker.settings import WorkerSettings
from sessions.metrics import MetricsClosedError, NoMetricsTokenError, check_scrape
from sessions.network.hosts import OurHosts

_OTHER_HOST = (
    "The Host header names a host that this worker does not serve metrics under. If it is one of "
    "yours, name it in ALLOWED_HOSTS."
)


@asynccontextmanager
async def serving_metrics(
    settings: WorkerSettings,
    registry: CollectorRegistry,
    looks: tuple[Callable[[], Awaitable[None]], ...],
) -> AsyncIterator[None]:
    """Serve `/metrics` inside the block, if METRICS_PORT is set; call `looks` before each scrape.

    If the port is in use, the worker runs without metrics.
    """
    if settings.metrics_port is None:
        yield
        return

    hosts = OurHosts.of([gethostname(), settings.metrics_host, *settings.allowed_hosts])

    async def show(request: web.Request) -> web.Response:
        if not all(map(hosts.include, request.headers.getall(hdrs.HOST, []))):
            return _refused(421, "host_not_allowed", _OTHER_HOST)
        try:
            check_scrape(settings, request.headers.get("Authorization"))
        except MetricsClosedError as error:
            return _refused(403, error.code, str(error))
        except NoMetricsTokenError as error:
            return _refused(401, error.code, str(error), {"WWW-Authenticate": "Bearer"})
        await asyncio.gather(*(look() for look in looks))
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(registry), headers=headers)

    app = web.Application()
    app.router.add_get("/metrics", show)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await _listen(runner, settings.metrics_host, settings.metrics_port)
        yield
    finally:
        await runner.cleanup()


def _refused(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a problem of RFC 9457, like those of the API."""
    problem = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
    return web.json_response(
        problem, status=status, headers=headers, content_type="application/problem+json"
    )


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        logger.error("No metrics: METRICS_HOST {} METRICS_PORT {}: {}", host, port, error.strerror)
    else:
        logger.info("Metrics at http://{}:{}/metrics", *runner.addresses[0][:2])
