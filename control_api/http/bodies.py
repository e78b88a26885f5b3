"""Receive a request's body completely, within limits of time and size."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import HttpVersion11

from control_api.http.problems import MalformedBodyError, SlowBodyError

BODY_TIMEOUT = web.AppKey("body_timeout", timedelta)
STRANGERS_BODY = 16 * 1024
"""The most bytes of a body from an unknown caller: their requests are short."""


_BODY = web.RequestKey("body", bytes)
_CONTINUE = "100-continue"


async def leave_expectations(request: web.Request) -> None:
    """Do not answer `Expect: 100-continue` before the body is wanted; raise HTTPExpectationFailed.

    aiohttp itself would ask for the body before the caller is known.
    """
    expected = request.headers.get(hdrs.EXPECT)
    if expected is not None and expected.lower() != _CONTINUE:
        raise web.HTTPExpectationFailed


async def receive(request: web.Request, most_bytes: int | None = None) -> bytes:
    """Return the whole body; a second call returns the same one.

    A body that is too large is refused before the rest of it arrives. Raises SlowBodyError,
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
            await may_send(request)
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


async def may_send(request: web.Request) -> None:
    """Let a client that asks for leave (`Expect: 100-continue`) send its body."""
    if _expects_continue(request):
        await _send_continue(request)


def _expects_continue(request: web.Request) -> bool:
    expected = request.headers.get(hdrs.EXPECT, "").lower()
    return expected == _CONTINUE and request.version >= HttpVersion11


async def _send_continue(request: web.Request) -> None:
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # This is not yet a part of the response.
    request.writer.output_size = 0
