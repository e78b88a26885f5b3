"""Measure every request for the metrics, and write one log line for it."""

from __future__ import annotations

import time
from http import HTTPStatus

from aiohttp import hdrs, web
from loguru import logger

from control_api.auth.identity import IDENTITY
from control_api.http.problems import Handler
from control_api.services import SERVICES

_CLIENT_LEFT = 499
"""The status, as in nginx, of a request whose client went away before the response."""
_STREAM = "/events"
"""Streams are not measured: they last as long as the client wants."""
_QUIET = ("/health", "/metrics")
"""Not logged: machines request these every few seconds."""


@web.middleware
async def observe_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and log a request at its end; log lines in between name its connection or message."""
    began, status = time.monotonic(), _CLIENT_LEFT
    with logger.contextualize(**_about(request)):
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            _note(request, status, time.monotonic() - began)


def _note(request: web.Request, status: int, seconds: float) -> None:
    method, route = _method_of(request), _route_of(request)
    if not route.endswith(_STREAM):
        request.app[SERVICES].metrics.answered(method, route, status, seconds)
    if not request.path.startswith(_QUIET):
        milliseconds = round(seconds * 1000, 1)
        level = "WARNING" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INFO"
        logger.bind(
            method=method, path=route, status=status, durationMs=milliseconds, **_caller(request)
        ).log(level, "{} {} {} in {} ms", method, route, status, milliseconds)


def _route_of(request: web.Request) -> str:
    """Return the template of the path, since the path itself can contain a number or a token."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"


def _method_of(request: web.Request) -> str:
    """Return the method if it is a known one: a client can send any word."""
    return request.method if request.method in hdrs.METH_ALL else "(other)"


def _caller(request: web.Request) -> dict[str, str]:
    identity = request.get(IDENTITY)
    return {"owner": identity.caller.owner} if identity and identity.caller else {}


def _about(request: web.Request) -> dict[str, str]:
    named = request.match_info.get("id")
    if named is None:
        return {}
    kinds = {"/connections/{id}": "connection", "/messages/{id}": "messageId"}
    route = _route_of(request)
    return {field: named for part, field in kinds.items() if part in route}
