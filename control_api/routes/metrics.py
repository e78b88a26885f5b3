"""The handler for Prometheus."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from control_api.endpoints.declaration import Endpoints
from control_api.services import SERVICES
from sessions.metrics import check_scrape

routes = Endpoints("Health")


@routes.get(
    "/metrics",
    open=True,
    answers={200: {"text/plain": None}},
    problems=("unauthorized", "metrics_closed"),
)
async def show(request: web.Request) -> web.Response:
    """Return the metrics of the API and of the fleet in Prometheus's text format."""
    services = request.app[SERVICES]
    check_scrape(services.settings, request.headers.get("Authorization"))
    await services.metrics.look()
    body = generate_latest(services.metrics.process.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
