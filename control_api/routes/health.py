"""Health for people, load balancers and supervisors; it needs no key and shows no secrets."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.schemas.health import About, Alive, Health, HealthChecks, SavedPage
from control_api.services import Services
from sessions import __version__
from sessions.metrics import CachedProbe
from sessions.storage.mongo import STORE_DOWN

routes = Endpoints("Health")
HEALTH = web.AppKey("health", CachedProbe[Health])
_FRESH_FOR = timedelta(seconds=1)
_WITHIN = timedelta(seconds=30)
"""A last resort: longer than the time limits of the stores."""
_NOTHING = HealthChecks(mongo="down", redis="down", workers=0)
_NO_ANSWER = Health(
    status="unavailable", version=__version__, checks=_NOTHING, away=["mongo", "redis", "workers"]
)


@routes.get("/api", open=True, answers={200: About})
async def check(request: web.Request) -> web.Response:
    """Show the name and version of the API."""
    return answer(About(name="ChatGrow worker control API", version=__version__))


@routes.get("/health/live", open=True, answers={200: Alive})
async def live(request: web.Request) -> web.Response:
    """Answer 200 as long as the process serves requests."""
    return answer(Alive(status="ok"))


@routes.get("/health/ready", open=True, answers={200: Health, 503: Health})
async def ready(request: web.Request) -> web.StreamResponse:
    """Show whether messages can be sent, and what is away; 503 if something is.

    The answer is up to a second old. A change of WhatsApp Web is shown with 200, since the API
    still accepts and keeps messages and should stay in a load balancer.
    """
    found = await request.app[HEALTH].get() or _NO_ANSWER
    return answer(found, HTTPStatus.SERVICE_UNAVAILABLE if found.away else HTTPStatus.OK)


@routes.get("/health", open=True, answers={200: Health, 503: Health})
async def health(request: web.Request) -> web.StreamResponse:
    """Show the same as /health/ready."""
    return await ready(request)


def shared_health(services: Services) -> CachedProbe[Health]:
    """Return a cached health check, since anybody may ask as often as they like."""
    return CachedProbe(lambda: _health(services), _WITHIN, _FRESH_FOR)


async def _health(services: Services) -> Health:
    checks = await _checks(services)
    away = _away(checks)
    reachable = checks.mongo == "ok"
    return Health(
        status="unavailable" if away else "ok",
        version=__version__,
        checks=checks,
        whatsapp=await _whatsapp(services) if reachable else None,
        away=away or None,
        saved_page=await _saved_page(services) if reachable else None,
    )


def _away(checks: HealthChecks) -> list[str]:
    return [name for name, value in checks if value in ("down", 0)]


async def _whatsapp(services: Services) -> Literal["ok", "changed"] | None:
    try:
        return "changed" if (await services.breaker.read()).changed else "ok"
    except STORE_DOWN:
        return None


async def _saved_page(services: Services) -> SavedPage | None:
    try:
        status = await services.saved_html.status()
    except STORE_DOWN:
        return None
    if not status.on:
        return None
    page = SavedPage(saved_at=status.saved_at, version=status.version)
    if (given_up := status.given_up) is None:
        return page
    return page.model_copy(update={"given_up_at": given_up.at, "why": given_up.why})


async def _checks(services: Services) -> HealthChecks:
    mongo = await services.database_answers()
    redis = await services.doorbell.answers()
    try:
        workers = await services.workers.count_alive() if mongo else 0
    except STORE_DOWN:
        mongo, workers = False, 0
    return HealthChecks(
        mongo="ok" if mongo else "down", redis="ok" if redis else "down", workers=workers
    )
