"""Limit rates in sliding windows, which all API processes count together in Redis."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from control_api.rate_limits.bounded_redis import NO_REDIS, BoundedRedis
from control_api.rate_limits.local_windows import LocalWindows
from control_api.rate_limits.rules import Rule, Standing
from sessions.storage.batching import BatchedLookup

if TYPE_CHECKING:
    from arq.connections import ArqRedis

_Charged = tuple[Rule, tuple[str, ...]]


class Limiter:
    """Count in this process and in Redis, and refuse what either of them refuses.

    If this process alone has reached a limit, Redis is not asked, so a flood costs Redis nothing.
    While Redis is slow or away, the counts of this process decide; they include everything that
    this process has let through before.
    """

    def __init__(self, redis: ArqRedis, bounded: BoundedRedis | None = None) -> None:
        storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix="chatgrow:limits",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]
        )
        self._windows = SlidingWindowCounterRateLimiter(storage)
        self._charge: BatchedLookup[_Charged, Standing] = BatchedLookup(self._charge_all)
        self._redis = bounded or BoundedRedis()
        self._here = LocalWindows()

    async def charge(self, rule: Rule, *who: str) -> Standing:
        """Count one more, or refuse it without counting it."""
        here = self._here.charge(rule, who)
        if here.own and not here.standing.allowed:
            return here.standing
        found = await self._redis.ask(lambda: self._charge((rule, who)))
        if found is None:
            return here.standing
        if not found.allowed:
            if here.standing.allowed:
                self._here.give_back(rule, who)
            return found
        return min(here.standing, found, key=_remaining) if here.own else found

    async def give_back(self, rule: Rule, *who: str) -> None:
        """Take back one count."""
        self._here.give_back(rule, who)
        await self._redis.ask(lambda: self._windows.hit(_item(rule), *who, cost=-1))

    async def forget(self, rule: Rule, *who: str) -> None:
        """Forget all counts."""
        self._here.forget(rule, who)
        await self._redis.ask(lambda: self._windows.clear(_item(rule), *who))

    async def _charge_all(self, charged: Sequence[_Charged]) -> Sequence[Standing | Exception]:
        """Count requests that came at the same time, with one count for each caller."""
        counts = Counter(charged)
        try:
            # Bounded here, too: the callers stop waiting, but do not cancel this task.
            async with asyncio.timeout(self._redis.patience.total_seconds()):
                found = await asyncio.gather(
                    *(self._charge_one(rule, who, number) for (rule, who), number in counts.items())
                )
        except NO_REDIS as error:
            return [error] * len(charged)
        standings = {each: iter(told) for each, told in zip(counts, found, strict=True)}
        return [next(standings[each]) for each in charged]

    async def _charge_one(self, rule: Rule, who: tuple[str, ...], number: int) -> list[Standing]:
        """Return a caller's standing after each of several requests.

        If they are too many, the first ones are let through, as many as fit; this takes only two
        more calls of Redis.
        """
        granted = await self._granted(rule, who, number)
        stats = await self._windows.get_window_stats(_item(rule), *who)
        if number > 1 and 0 == granted < stats.remaining:
            granted = await self._granted(rule, who, min(stats.remaining, number - 1))
            stats = await self._windows.get_window_stats(_item(rule), *who)
        resets_in = max(1, math.ceil(stats.reset_time - time.time()))
        left = range(stats.remaining + granted - 1, stats.remaining - 1, -1)
        return [
            *(Standing(rule, allowed=True, remaining=each, resets_in=resets_in) for each in left),
            *[Standing(rule, allowed=False, remaining=0, resets_in=resets_in)] * (number - granted),
        ]

    async def _granted(self, rule: Rule, who: tuple[str, ...], number: int) -> int:
        """Count all of these requests or none; return how many were counted."""
        fits = number > 0 and await self._windows.hit(_item(rule), *who, cost=number)
        return number if fits else 0


def _item(rule: Rule) -> RateLimitItemPerSecond:
    """Return a rule in the library's form."""
    return RateLimitItemPerSecond(rule.amount, rule.seconds, namespace=rule.name)


def _remaining(standing: Standing) -> int:
    return standing.remaining
