"""Handlers for the views of the dashboard; their scripts get the data from the public API."""

from __future__ import annotations

from aiohttp import hdrs, web

from control_api.endpoints.declaration import Endpoints
from control_api.routes.dashboard_frame import View, redirect, show_view, without_slash
from control_api.schemas.webhooks import OFFERED

routes = Endpoints("Dashboard")

_PAGE = {"text/html": None}
_ANSWERS = {200: _PAGE, 303: None}


@routes.get("/", open=True, answers={303: None})
async def root(request: web.Request) -> web.Response:
    """Send a browser to the dashboard; for programs there is nothing at this path."""
    if "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
        raise web.HTTPNotFound
    return redirect(request, "dashboard")


@routes.get("/dashboard", open=True, answers=_ANSWERS)
async def connections(request: web.Request) -> web.Response:
    """Show the connections."""
    return await show_view(request, View.CONNECTIONS)


@routes.get("/dashboard/conversations", open=True, answers=_ANSWERS)
async def conversations(request: web.Request) -> web.Response:
    """Show the conversations."""
    return await show_view(request, View.CONVERSATIONS)


@routes.get("/dashboard/messages", open=True, answers=_ANSWERS)
async def messages(request: web.Request) -> web.Response:
    """Show the messages."""
    return await show_view(request, View.MESSAGES)


@routes.get("/dashboard/webhooks", open=True, answers=_ANSWERS)
async def webhooks(request: web.Request) -> web.Response:
    """Show the webhooks."""
    return await show_view(request, View.WEBHOOKS, {"events": OFFERED})


@routes.get("/dashboard/health", open=True, answers=_ANSWERS)
async def health(request: web.Request) -> web.Response:
    """Show the health of everything that messages need."""
    return await show_view(request, View.HEALTH)


@routes.get("/dashboard/account", open=True, answers=_ANSWERS)
async def account(request: web.Request) -> web.Response:
    """Show one's API keys, and let one change one's password."""
    return await show_view(request, View.ACCOUNT)


async def show_missing(request: web.Request) -> web.Response:
    """Answer 404 for an unknown view; redirect `/dashboard/` to `/dashboard`, and so on."""
    if request.path.endswith("/"):
        return without_slash(request)
    raise web.HTTPNotFound
