"""Wait for events with a time limit."""

import asyncio
import random
import time
from datetime import timedelta


def to_the_next(span: timedelta) -> timedelta:
    """Return the time until the next multiple of a span on the monotonic clock.

    Tasks that wait this way wake together, so their queries to MongoDB can be batched.
    """
    seconds = span.total_seconds()
    return timedelta(seconds=seconds - time.monotonic() % seconds)


async def happens(event: asyncio.Event, within: timedelta) -> bool:
    """Wait for the event; tell whether it was set in time."""
    if event.is_set():
        return True
    try:
        async with asyncio.timeout(within.total_seconds()):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True


async def any_of(*events: asyncio.Event, within: timedelta) -> None:
    """Wait until one of the events is set or the time is over."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(
            waits, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for each in waits:
            each.cancel()


class Backoff:
    """Growing waits with full jitter: random between zero and a limit that doubles each time."""

    def __init__(self, first: timedelta, cap: timedelta) -> None:
        self._first = first
        self._cap = cap
        self._tries = 0

    def next(self) -> timedelta:
        """Return how long to wait now."""
        limit = min(self._cap, self._first * (1 << self._tries))
        self._tries = min(self._tries + 1, 16)
        return limit * random.uniform(0.1, 1)  # noqa: S311  spreads load, guards no secret

    def reset(self) -> None:
        """Start again with the first limit, after a success."""
        self._tries = 0
