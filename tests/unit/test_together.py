"""Questions that are asked together: who waits for whom, and what happens when one goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pymongo.errors import AutoReconnect

from sessions.storage.batching import BatchedLookup


class Desk:
    """Doubles numbers when it is told to go on; refuses 13, and breaks down at 0."""

    def __init__(self, breakdown: Exception | None = None) -> None:
        self.breakdown = breakdown or RuntimeError("broken")
        self.asked: list[list[int]] = []
        self.busy = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.asked.append([*numbers])
        self.busy.set()
        await self.go_on.wait()
        if 0 in numbers:
            raise self.breakdown
        return [ValueError("refused") if each == 13 else 2 * each for each in numbers]


async def _asked(
    together: BatchedLookup[int, int], requests: Desk, *others: int
) -> list[asyncio.Task[int]]:
    """Ask for 1 alone and, while that is under way, for the others."""
    tasks = [asyncio.create_task(together(1))]
    await requests.busy.wait()
    tasks += [asyncio.create_task(together(each)) for each in others]
    await asyncio.sleep(0)  # the others have put their questions
    return tasks


async def test_what_is_asked_meanwhile_is_asked_at_once_and_in_its_order() -> None:
    requests = Desk()
    together = BatchedLookup(requests)
    tasks = await _asked(together, requests, 2, 3, 3)
    requests.go_on.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 6]
    assert requests.asked == [[1], [2, 3, 3]]
    assert await together(4) == 8


async def test_no_more_are_asked_at_once_than_was_said() -> None:
    requests = Desk()
    tasks = await _asked(BatchedLookup(requests, at_most=2), requests, 2, 3, 4)
    requests.go_on.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert requests.asked == [[1], [2, 3], [4]]


async def test_a_refusal_is_for_the_one_who_asked() -> None:
    requests = Desk()
    _, refused, fine = await _asked(BatchedLookup(requests), requests, 13, 3)
    requests.go_on.set()
    assert await fine == 6
    with pytest.raises(ValueError, match="refused"):
        await refused


async def test_a_breakdown_is_told_to_the_one_who_asked_for_it() -> None:
    requests = Desk()
    together = BatchedLookup(requests)
    alone, broken, fine = await _asked(together, requests, 0, 3)
    requests.go_on.set()
    assert [await alone, await fine] == [2, 6]
    with pytest.raises(RuntimeError, match="broken"):
        await broken
    assert requests.asked == [[1], [0, 3], [0], [3]]
    assert await together(4) == 8


async def test_what_mongodb_does_not_do_is_told_to_all_at_once() -> None:
    requests = Desk(AutoReconnect("away"))
    together = BatchedLookup(requests)
    alone, *both = await _asked(together, requests, 0, 3)
    requests.go_on.set()
    assert await alone == 2
    for each in both:
        with pytest.raises(AutoReconnect, match="away"):
            await each
    assert requests.asked == [[1], [0, 3]]


async def test_one_who_goes_away_leaves_the_others_their_answer() -> None:
    requests = Desk()
    first, gone, stays = await _asked(BatchedLookup(requests), requests, 2, 3)
    first.cancel()
    gone.cancel()
    requests.go_on.set()
    assert await stays == 6
    for each in (first, gone):
        with pytest.raises(asyncio.CancelledError):
            await each
