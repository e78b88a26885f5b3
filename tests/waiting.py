"""Wait in tests for what must become true, with a deadline instead of a guess."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

_POLL = timedelta(milliseconds=20)
_DEADLINE = timedelta(seconds=20)


async def until(
    condition: Callable[[], bool | Awaitable[bool]], *, within: timedelta = _DEADLINE
) -> None:
    """Return once the condition holds; raise `TimeoutError` when it does not in time."""
    async with asyncio.timeout(within.total_seconds()):
        while not await _holds(condition):  # noqa: ASYNC110 - what we wait for sends no event
            await asyncio.sleep(_POLL.total_seconds())


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = condition()
    return answer if isinstance(answer, bool) else await answer
