"""Wait for work that cannot be cancelled, such as a thread, even in a cancelled task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class StoppedError(Exception):
    """The work was stopped, because nobody waits for it any more."""


class Stop:
    """A flag that asks work in a thread to end."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to end at its next step."""
        self._event.set()

    def check(self) -> None:
        """Raise StoppedError if the work was asked to end."""
        if self._event.is_set():
            raise StoppedError


async def to_the_end(work: Awaitable[Result], stop: Stop | None = None) -> Result:
    """Await the work; if cancelled, wait until the work has ended, then raise CancelledError.

    Cancelling a task does not stop a thread that it awaits, and Motor's calls are threads. Such a
    thread would go on writing to a closed file, or store something that nobody knows of.
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
            running.exception()  # retrieved, so that asyncio does not log it
        raise


async def in_thread(work: Callable[[Stop], Result]) -> Result:
    """Run the work in a thread and wait for its end; its Stop is set on cancellation."""
    stop = Stop()
    return await to_the_end(asyncio.to_thread(work, stop), stop)


async def a_few_at_a_time(
    work: Callable[[Item], Awaitable[None]], items: Iterable[Item], limit: int
) -> None:
    """Do the work for each item, at most `limit` at once; the first error ends all."""
    waiting = iter(items)

    async def take_items() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(limit):
                group.create_task(take_items())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
