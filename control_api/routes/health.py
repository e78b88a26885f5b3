"""Health for people, load balancers and supervisors; it needs no key and shows no secrets."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.schemas.health import About, Alive, Health, HealthChecks, SavedPage
from control_api.services import Services
from control_api.settings import ApiSettings
from sessions import __version__
from sessions.common.disk_space import DiskState, worst
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
    checks, disk = await _checks(services)
    away = _away(checks, disk)
    reachable = checks.mongo == "ok"
    return Health(
        status="unavailable" if away else "ok",
        version=__version__,
        checks=checks,
        whatsapp=await _whatsapp(services) if reachable else None,
        away=away or None,
        saved_page=await _saved_page(services) if reachable else None,
    )


def _away(checks: HealthChecks, disk: DiskState) -> list[str]:
    away = [name for name, value in checks if value in ("down", 0)]
    return [*away, "disk"] if disk is DiskState.FULL else away


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


async def _checks(services: Services) -> tuple[HealthChecks, DiskState]:
    """Return what is found, and the state of the disks without which nothing can be sent."""
    mongo = await services.database_answers()
    redis = await services.doorbell.answers()
    own = await asyncio.to_thread(_own_disk, services.settings)
    try:
        disks = await services.workers.disks() if mongo else []
    except STORE_DOWN:
        mongo, disks = False, []
    checks = HealthChecks(
        mongo="ok" if mongo else "down",
        redis="ok" if redis else "down",
        workers=len(disks),
        disk=worst(own, *disks),
    )
    # As long as one worker has room, the others' connections can move to it.
    return checks, worst(own, min(disks, key=list(DiskState).index, default=DiskState.OK))


def _own_disk(settings: ApiSettings) -> DiskState:
    """Judge the disk of the embedded servers; those of others are their operators' business."""
    if settings.mongo_address is not None and settings.redis_address is not None:
        return DiskState.OK
    return settings.disk_of(settings.data_dir).state()
