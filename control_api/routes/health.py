"""Health for people, load balancers and supervisors; none of it needs a key or tells a secret."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web

from control_api.services import SERVICES, Services
from sessions import __version__
from sessions.mongo import STORE_DOWN

routes = web.RouteTableDef()


@routes.get("/api")
async def check(request: web.Request) -> web.Response:
    """Tell that this is the API."""
    return web.json_response({"name": "ChatGrow worker control API", "version": __version__})


@routes.get("/health/live")
async def live(request: web.Request) -> web.Response:
    """Tell that the process serves."""
    return web.json_response({"status": "ok"})


@routes.get("/health")
@routes.get("/health/ready")
async def ready(request: web.Request) -> web.Response:
    """Tell whether messages can flow, and which part is away; 503 when one is."""
    checks = await _checks(request.app[SERVICES])
    away = [name for name, value in checks.items() if value in ("down", 0)]
    body = {
        "status": "unavailable" if away else "ok",
        "version": __version__,
        "checks": checks,
        **({"away": away} if away else {}),
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if away else HTTPStatus.OK
    return web.Response(text=json.dumps(body), status=status, content_type="application/json")


async def _checks(services: Services) -> dict[str, str | int]:
    mongo = await services.database_answers()
    redis = await services.doorbell.answers()
    try:
        workers = await services.workers.count_alive() if mongo else 0
    except STORE_DOWN:
        mongo, workers = False, 0
    return {
        "mongo": "ok" if mongo else "down",
        "redis": "ok" if redis else "down",
        "workers": workers,
    }
