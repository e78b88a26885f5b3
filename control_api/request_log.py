"""One log line for each request: what was asked, by whom, and how it went."""

from __future__ import annotations

import time
from http import HTTPStatus

from aiohttp import hdrs, web
from loguru import logger

from control_api.auth import IDENTITY
from control_api.problems import Handler

CLIENT_LEFT = 499
"""The status for a request whose client went away before the answer, as other servers log it."""
_QUIET = ("/health", "/metrics")
"""Asked every few seconds by machines: a line for each would bury the others."""


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log a request when it is answered; what is logged meanwhile names its connection."""
    began, status = time.monotonic(), CLIENT_LEFT
    with logger.contextualize(**_about(request)):
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            if not request.path.startswith(_QUIET):
                _log(request, status, time.monotonic() - began)


def route_of(request: web.Request) -> str:
    """Return the template of the path, never the path: it can hold a number or a token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"


def _log(request: web.Request, status: int, seconds: float) -> None:
    identity = request.get(IDENTITY)
    owner = {"owner": identity.caller.owner} if identity and identity.caller else {}
    milliseconds = round(seconds * 1000, 1)
    method, path = _method_of(request), route_of(request)
    bound = logger.bind(method=method, path=path, status=status, durationMs=milliseconds, **owner)
    level = "WARNING" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INFO"
    bound.log(level, "{} {} {} in {} ms", method, path, status, milliseconds)


def _method_of(request: web.Request) -> str:
    """Return the method where it is a known one: a client may send any word."""
    return request.method if request.method in hdrs.METH_ALL else "(other)"


def _about(request: web.Request) -> dict[str, str]:
    named = request.match_info.get("id")
    if named is None:
        return {}
    kinds = {"/connections/{id}": "connection", "/messages/{id}": "messageId"}
    route = route_of(request)
    return {field: named for part, field in kinds.items() if part in route}
