"""Receive a request's body: within a bounded time, whole, or not at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web

from control_api.problems import MalformedBodyError, SlowBodyError

BODY_TIMEOUT = web.AppKey("body_timeout", timedelta)


async def receive(request: web.Request) -> bytes:
    """Return the whole body; asked again, the same one.

    Raises SlowBodyError, MalformedBodyError, and HTTPRequestEntityTooLarge.
    """
    try:
        async with asyncio.timeout(request.app[BODY_TIMEOUT].total_seconds()):
            return await request.read()
    except TimeoutError as error:
        raise SlowBodyError("The body did not arrive in time.") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise MalformedBodyError("The body ended early, or is not encoded as it says.") from error
