"""Handlers for the views of the dashboard; what they show, their scripts ask of the public API."""

from __future__ import annotations

from aiohttp import web

from control_api.endpoints.declaration import Endpoints
from control_api.routes.dashboard_frame import View, redirect, show_view

routes = Endpoints("Dashboard")

_PAGE = {"text/html": None}
_ANSWERS = {200: _PAGE, 303: None}


@routes.get("/dashboard", open=True, answers=_ANSWERS)
async def connections(request: web.Request) -> web.Response:
    """Show the connections."""
    return await show_view(request, View.CONNECTIONS)


@routes.get("/dashboard/messages", open=True, answers=_ANSWERS)
async def messages(request: web.Request) -> web.Response:
    """Show the messages."""
    return await show_view(request, View.MESSAGES)


@routes.get("/dashboard/health", open=True, answers=_ANSWERS)
async def health(request: web.Request) -> web.Response:
    """Show whether everything that messages need is there."""
    return await show_view(request, View.HEALTH)


@routes.get("/dashboard/account", open=True, answers=_ANSWERS)
async def account(request: web.Request) -> web.Response:
    """Show one's API keys, and let one change one's password."""
    return await show_view(request, View.ACCOUNT)


async def show_missing(request: web.Request) -> web.Response:
    """Say that there is no such view; the slash behind `/dashboard` is forgiven."""
    if request.path == "/dashboard/":
        return redirect(request, "dashboard")
    raise web.HTTPNotFound
