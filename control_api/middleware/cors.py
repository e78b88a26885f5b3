"""Let web pages of listed origins use the API (CORS), but never with cookies."""

from __future__ import annotations

from collections.abc import MutableMapping
from http import HTTPStatus

from aiohttp import hdrs, web

from control_api.http.problems import Handler, OriginNotAllowedError

CORS_ORIGINS = web.AppKey("cors_origins", frozenset[str])

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_TAKEN = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Api-Key"
_SHOWN = "Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After"
_REMEMBERED = "600"
"""How long a browser may remember the answer, in seconds."""


@web.middleware
async def answer_preflights(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer CORS preflight requests, without credentials.

    Raises OriginNotAllowedError if the origin is not listed.
    """
    asks = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in (
        request.headers
    )
    if not asks or hdrs.ORIGIN not in request.headers:
        return await handler(request)
    if request.headers[hdrs.ORIGIN] not in request.app[CORS_ORIGINS]:
        raise OriginNotAllowedError("Pages of this origin may not use the API: see CORS_ORIGINS.")
    return web.Response(
        status=HTTPStatus.NO_CONTENT,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _TAKEN,
            hdrs.ACCESS_CONTROL_MAX_AGE: _REMEMBERED,
        },
    )


def share(headers: MutableMapping[str, str], request: web.Request) -> None:
    """Let pages of listed origins read this response, also if it is an error."""
    origins = request.app[CORS_ORIGINS]
    if not origins:
        return
    headers[hdrs.VARY] = ", ".join(filter(None, (headers.get(hdrs.VARY), hdrs.ORIGIN)))
    origin = request.headers.get(hdrs.ORIGIN)
    if origin in origins:
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _SHOWN
