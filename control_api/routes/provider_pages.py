"""Handlers for the pages of the business side; their scripts get the data from the public API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from business.model import Trigger
from business.ready_made import Trade
from control_api.auth.identity import authorize, identity_of
from control_api.endpoints.declaration import Endpoints
from control_api.routes.dashboard_frame import View, redirect, show_view, without_slash
from sessions.common.callers import Scope

routes = Endpoints("Provider pages")

INSERTS: Mapping[str, tuple[str, ...]] = {
    "customer": ("customer.firstName", "customer.name", "customer.phone"),
    "appointment": (
        "appointment.service",
        "appointment.startsAt.date",
        "appointment.startsAt.time",
        "appointment.endsAt.time",
        "appointment.location",
    ),
    "event": (
        "event.name",
        "event.startsAt.date",
        "event.startsAt.time",
        "event.endsAt.time",
        "event.location",
    ),
    "other": ("subscriber.list", "connection.name", "connection.phone"),
}
"""The variables that the page of templates offers, by groups; a third part is a filter."""

_ANSWERS = {200: {"text/html": None}, 303: None}


@routes.get("/provider/dashboard", open=True, answers=_ANSWERS)
async def today(request: web.Request) -> web.Response:
    """Show the appointments of today and of the week."""
    return await _show(request, View.TODAY)


async def customers(request: web.Request) -> web.Response:
    """Show the customers."""
    return await _show(request, View.CUSTOMERS)


async def customer(request: web.Request) -> web.Response:
    """Show a customer: the conversation, appointments and consents."""
    return await _show(request, View.CUSTOMER)


@routes.get("/provider/automations", open=True, answers=_ANSWERS)
async def automations(request: web.Request) -> web.Response:
    """Show what is sent by itself."""
    return await _show(
        request, View.AUTOMATIONS, {"triggers": list(Trigger), "trades": list(Trade)}
    )


@routes.get("/provider/events", open=True, answers=_ANSWERS)
async def events(request: web.Request) -> web.Response:
    """Show the events that customers register for."""
    return await _show(request, View.EVENTS)


@routes.get("/provider/templates", open=True, answers=_ANSWERS)
async def templates(request: web.Request) -> web.Response:
    """Show the texts with variables."""
    return await _show(request, View.TEMPLATES, {"inserts": INSERTS})


@routes.get("/provider/subscribers", open=True, answers=_ANSWERS)
async def subscribers(request: web.Request) -> web.Response:
    """Show who is on which list."""
    return await _show(request, View.SUBSCRIBERS)


@routes.get("/provider/campaigns", open=True, answers=_ANSWERS)
async def campaigns(request: web.Request) -> web.Response:
    """Show the campaigns with their numbers."""
    return await _show(request, View.CAMPAIGNS)


async def stats(request: web.Request) -> web.Response:
    """Show the statistics."""
    return await _show(request, View.STATS)


async def show_missing(request: web.Request) -> web.Response:
    """Answer 404 for an unknown page; redirect `/provider` to the page of today.

    An address with a slash at its end is redirected to the one without it.
    """
    if request.path in ("/provider", "/provider/"):
        return redirect(request, View.TODAY.path)
    if request.path.endswith("/"):
        return without_slash(request)
    raise web.HTTPNotFound


async def _show(
    request: web.Request, view: View, context: Mapping[str, Any] | None = None
) -> web.Response:
    """Render a page for a signed-in user; raise ForbiddenError for a key without the scope."""
    if identity_of(request).caller is not None:
        await authorize(request, Scope.BUSINESS, admin=False)
    return await show_view(request, view, context)
