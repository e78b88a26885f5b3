"""End the waiting of long requests when the server stops or the client has gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from aiohttp import web

_CLOSING = web.AppKey("closing", asyncio.Event)


def note_closing(app: web.Application) -> None:
    """Make `pause` end when this application shuts down."""
    closing = asyncio.Event()
    app[_CLOSING] = closing

    async def close(_: web.Application) -> None:
        closing.set()

    app.on_shutdown.append(close)


async def pause(request: web.Request, span: timedelta) -> bool:
    """Wait for a span; return False at once if the server stops or the client has gone."""
    closing = request.app[_CLOSING]
    if request.transport is None or request.transport.is_closing():
        return False
    with suppress(TimeoutError):
        await asyncio.wait_for(closing.wait(), span.total_seconds())
    return not closing.is_set()
