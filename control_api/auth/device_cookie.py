"""The cookie that identifies a device on which an account has signed in."""

from __future__ import annotations

from aiohttp import web

from control_api.credentials.known_devices import KNOWN_FOR
from control_api.http.client_address import client_of
from control_api.services import SERVICES

COOKIE = "device"


def device_of(request: web.Request, account: str) -> str | None:
    """Return the id of the request's device, if the account has signed in on it."""
    return request.app[SERVICES].devices.device(account, request.cookies.get(COOKIE, ""))


def keep_device(request: web.Request, response: web.StreamResponse, account: str) -> None:
    """Set the cookie that says that the account has signed in on this device."""
    response.set_cookie(
        COOKIE,
        request.app[SERVICES].devices.token(account, device_of(request, account)),
        max_age=int(KNOWN_FOR.total_seconds()),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=client_of(request).scheme == "https",
    )
