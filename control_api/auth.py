"""Ask every request for its key; what is open stands in one list."""

from __future__ import annotations

from aiohttp import web

from control_api.problems import Handler, UnauthorizedError
from control_api.services import SERVICES
from sessions.api_keys import Caller

OPEN_PATHS = frozenset({"/api", "/health", "/health/live", "/health/ready"})
_CALLER = web.RequestKey("caller", Caller)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request pass with a known `X-Api-Key`, or to an open path."""
    if request.path not in OPEN_PATHS:
        request[_CALLER] = await _caller(request)
    return await handler(request)


async def _caller(request: web.Request) -> Caller:
    key = request.headers.get("X-Api-Key")
    if not key:
        raise UnauthorizedError("Send your API key in the header X-Api-Key.")
    caller = await request.app[SERVICES].keys.caller_of(key)
    if caller is None:
        raise UnauthorizedError("This API key is not known.")
    return caller


def owner_of(request: web.Request) -> str:
    """Return the owner whose connections this request may see."""
    return request[_CALLER].owner
