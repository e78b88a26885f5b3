"""What all views of the dashboard share: their names, rendering, and the signed-in user."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from aiohttp import web

from control_api.auth.identity import IDENTITY, identity_of
from control_api.pages.shell import page, root_of
from control_api.services import SERVICES
from sessions.accounts.users import User


class View(StrEnum):
    """The views of the dashboard, in the order of the navigation."""

    CONNECTIONS = "connections"
    CONVERSATIONS = "conversations"
    MESSAGES = "messages"
    WEBHOOKS = "webhooks"
    HEALTH = "health"
    ACCOUNT = "account"

    @property
    def path(self) -> str:
        """The path below the root."""
        return "dashboard" if self is View.CONNECTIONS else f"dashboard/{self}"


async def show_view(
    request: web.Request, view: View, context: Mapping[str, Any] | None = None
) -> web.Response:
    """Render `dashboard/{view}.html` for a signed-in user; send others to the sign-in page."""
    user = await signed_in_user(request)
    if user is None:
        return redirect(request, f"dashboard/sign-in?view={view}")
    frame = {"view": view, "views": list(View), "user": user, "csrf": _csrf(request)}
    return page(request, f"dashboard/{view}.html", frame | dict(context or {}))


async def signed_in_user(request: web.Request) -> User | None:
    """Return the user of the session cookie, if it is still valid."""
    identity = identity_of(request)
    if identity.session is None:
        return None
    return await request.app[SERVICES].users.get(identity.session.user)


def redirect(request: web.Request, path: str) -> web.Response:
    """Redirect to one of our pages, also behind a proxy that adds a prefix."""
    headers = {"Location": root_of(request) + path, "Cache-Control": "no-store"}
    return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers)


def _csrf(request: web.Request) -> str:
    session = request[IDENTITY].session
    return request.app[SERVICES].csrf.of(session.sign_in) if session else ""
