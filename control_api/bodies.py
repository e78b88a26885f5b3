"""Receive a request's body: within a bounded time, whole, or not at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web

from control_api.problems import MalformedBodyError, SlowBodyError

BODY_TIMEOUT = web.AppKey("body_timeout", timedelta)
STRANGERS_BODY = 16 * 1024
"""Bytes that are taken from whom we do not know: what they have to say is short."""


async def receive(request: web.Request, most_bytes: int | None = None) -> bytes:
    """Return the whole body; asked again, the same one.

    Raises SlowBodyError, MalformedBodyError, and HTTPRequestEntityTooLarge.
    """
    body = await _received(request)
    if most_bytes is not None and len(body) > most_bytes:
        raise web.HTTPRequestEntityTooLarge(most_bytes, len(body))
    return body


async def _received(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(request.app[BODY_TIMEOUT].total_seconds()):
            return await request.read()
    except TimeoutError as error:
        raise SlowBodyError("The body did not arrive in time.") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise MalformedBodyError("The body ended early, or is not encoded as it says.") from error
