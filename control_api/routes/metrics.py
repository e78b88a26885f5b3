"""The handler that Prometheus asks."""

from __future__ import annotations

from aiohttp import web

from control_api.endpoints import Endpoints
from control_api.problems import UnauthorizedError
from control_api.services import SERVICES
from sessions.metrics import CONTENT_TYPE, exposition, may_scrape

routes = Endpoints("Health")


@routes.get("/metrics", open=True, answers={200: {"text/plain": None}}, problems=("unauthorized",))
async def show(request: web.Request) -> web.Response:
    """Give the API's metrics, and the fleet's, in Prometheus's text format."""
    services = request.app[SERVICES]
    if not may_scrape(services.settings.metrics_token, request.headers.get("Authorization")):
        raise UnauthorizedError("Send METRICS_TOKEN as Authorization: Bearer.")
    await services.metrics.look()
    body = exposition(services.metrics.process.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})
