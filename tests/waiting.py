"""Wait in tests for what must become true, with a deadline instead of a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

_POLL = timedelta(milliseconds=20)
_DEADLINE = timedelta(seconds=20)


async def until(
    condition: Callable[[], bool | Awaitable[bool]],
    *,
    within: timedelta = _DEADLINE,
    every: timedelta = _POLL,
) -> None:
    """Return once the condition holds; raise `TimeoutError` when it does not in time.

    Look at it every 20 ms; where a look costs several processes work, ask for a longer time.
    """
    async with asyncio.timeout(within.total_seconds()):
        while not await _holds(condition):  # noqa: ASYNC110 - what we wait for sends no event
            await asyncio.sleep(every.total_seconds())


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = condition()
    return answer if isinstance(answer, bool) else await answer


def until_true(condition: Callable[[], bool], *, within: timedelta = _DEADLINE) -> None:
    """Do as `until` where no event loop runs."""
    deadline = time.monotonic() + within.total_seconds()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_POLL.total_seconds())
