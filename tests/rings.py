"""Rings for work that waits for them, such as fetching and converting the files of messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


async def once() -> AsyncIterator[None]:
    """Ring once: whoever works at the rings does what is due now, and ends."""
    yield


async def at_once_and_at(bell: asyncio.Event) -> AsyncIterator[None]:
    """Ring at once, and then whenever the bell is set."""
    while True:
        yield
        await bell.wait()
        bell.clear()
