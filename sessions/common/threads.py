"""Leave no work behind: what runs in a thread is waited for, even by a task that is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class StoppedError(Exception):
    """The work was stopped because nobody waits for it any more."""


class Stop:
    """Tells work in a thread that it shall end."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to end at its next step."""
        self._event.set()

    def check(self) -> None:
        """Raise StoppedError when the work shall end."""
        if self._event.is_set():
            raise StoppedError


async def to_the_end(work: Awaitable[Result], stop: Stop | None = None) -> Result:
    """Await the work; a cancellation is passed on only when the work has ended.

    Neither a thread nor a call of Motor, which is one, ends when what awaits it is cancelled: it
    would go on writing to a file that is closed, or store what nobody knows of.
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if stop is not None:
            stop.set()
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # looked at, so that asyncio does not complain
        raise


async def in_thread(work: Callable[[Stop], Result]) -> Result:
    """Do the work in a thread, and wait for its end; it is told when nobody waits any more."""
    stop = Stop()
    return await to_the_end(asyncio.to_thread(work, stop), stop)


async def a_few_at_a_time(
    work: Callable[[Item], Awaitable[None]], items: Iterable[Item], limit: int
) -> None:
    """Do the work for each item, for at most `limit` at once; the first error ends all."""
    waiting = iter(items)

    async def lane() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as lanes:
            for _ in range(limit):
                lanes.create_task(lane())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
