"""Tell requests that wait that the server stops, so that they answer now."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from aiohttp import web

_CLOSING = web.AppKey("closing", asyncio.Event)


def note_closing(app: web.Application) -> None:
    """Let the requests of this application know when it stops."""
    closing = asyncio.Event()
    app[_CLOSING] = closing

    async def close(_: web.Application) -> None:
        closing.set()

    app.on_shutdown.append(close)


async def pause(app: web.Application, span: timedelta) -> bool:
    """Wait for a span; return at once, and false, when the server stops."""
    with suppress(TimeoutError):
        await asyncio.wait_for(app[_CLOSING].wait(), span.total_seconds())
    return not app[_CLOSING].is_set()
