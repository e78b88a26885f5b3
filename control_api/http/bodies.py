"""Receive a request's body: within a bounded time, whole, or not at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import HttpVersion11

from control_api.http.problems import MalformedBodyError, SlowBodyError

BODY_TIMEOUT = web.AppKey("body_timeout", timedelta)
STRANGERS_BODY = 16 * 1024
"""Bytes that are taken from whom we do not know: what they have to say is short."""


_BODY = web.RequestKey("body", bytes)
_CONTINUE = "100-continue"


async def leave_expectations(request: web.Request) -> None:
    """Leave an `Expect: 100-continue` until the body is wanted; raise HTTPExpectationFailed.

    aiohttp would ask for the body before anybody has looked who sends it.
    """
    expected = request.headers.get(hdrs.EXPECT)
    if expected is not None and expected.lower() != _CONTINUE:
        raise web.HTTPExpectationFailed


async def receive(request: web.Request, most_bytes: int | None = None) -> bytes:
    """Return the whole body; asked again, the same one.

    What is too large is refused before the rest of it has come. Raises SlowBodyError,
    MalformedBodyError, and HTTPRequestEntityTooLarge.
    """
    if _BODY not in request:
        request[_BODY] = await _received(request, most_bytes or request.client_max_size)
    return request[_BODY]


async def _received(request: web.Request, most_bytes: int) -> bytes:
    if (request.content_length or 0) > most_bytes:
        raise web.HTTPRequestEntityTooLarge(most_bytes)
    try:
        async with asyncio.timeout(request.app[BODY_TIMEOUT].total_seconds()):
            if _expects_leave(request):
                await _give_leave(request)
            return await _read(request.content, most_bytes)
    except TimeoutError as error:
        raise SlowBodyError("The body did not arrive in time.") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise MalformedBodyError("The body ended early, or is not encoded as it says.") from error


async def _read(content: StreamReader, most_bytes: int) -> bytes:
    body = bytearray()
    async for part in content.iter_any():
        body += part
        if len(body) > most_bytes:
            raise web.HTTPRequestEntityTooLarge(most_bytes)
    return bytes(body)


def _expects_leave(request: web.Request) -> bool:
    expected = request.headers.get(hdrs.EXPECT, "").lower()
    return expected == _CONTINUE and request.version >= HttpVersion11


async def _give_leave(request: web.Request) -> None:
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # The answer itself has not begun with this.
    request.writer.output_size = 0
