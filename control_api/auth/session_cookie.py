"""The cookie of a person who signed in with a browser: an access token that scripts cannot read."""

from __future__ import annotations

from aiohttp import web

from control_api.http.client_address import client_of
from control_api.services import Services

COOKIE = "session"


def keep_session(
    request: web.Request, response: web.StreamResponse, token: str, services: Services
) -> None:
    """Set the cookie with an access token for as long as the token works."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(services.tokens.lifetime.total_seconds()),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=_is_https(request),
    )


def forget_session(request: web.Request, response: web.StreamResponse) -> None:
    """Delete the cookie."""
    response.del_cookie(
        COOKIE, path="/", httponly=True, samesite="Strict", secure=_is_https(request)
    )


def _is_https(request: web.Request) -> bool:
    """Tell whether the browser uses https, also when a proxy in front of us uses http."""
    return client_of(request).scheme == "https"
