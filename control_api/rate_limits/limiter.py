"""Limit rates in sliding windows, which all API processes count together in Redis."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from control_api.rate_limits.bounded_redis import NO_REDIS, BoundedRedis
from control_api.rate_limits.local_windows import LocalWindows
from control_api.rate_limits.rules import Rule, Standing, grows_in
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
        self._storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix="chatgrow:limits",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]
        )
        self._windows = SlidingWindowCounterRateLimiter(self._storage)
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
        window = await self._window(rule, who)
        if number > 1 and 0 == granted < window.remaining:
            granted = await self._granted(rule, who, min(window.remaining, number - 1))
            window = await self._window(rule, who)
        left = range(window.remaining + granted - 1, window.remaining - 1, -1)
        refused = replace(window, allowed=False, remaining=0)
        return [
            *(replace(window, remaining=each) for each in left),
            *[refused] * (number - granted),
        ]

    async def _window(self, rule: Rule, who: tuple[str, ...]) -> Standing:
        """Return how many more are allowed, and in how many seconds that number grows.

        The library's own `get_window_stats` says that it grows at once right after a first
        request, since a whole window is left then, and takes the remainder of that.
        """
        item = _item(rule)
        before, before_ends_in, current, ends_in = await self._storage.get_sliding_window(
            item.key_for(*who), item.get_expiry()
        )
        used = math.floor(before * before_ends_in / rule.seconds) + current
        return Standing(
            rule,
            allowed=True,
            remaining=max(0, rule.amount - used),
            resets_in=grows_in(rule, before, before_ends_in if before else ends_in),
        )

    async def _granted(self, rule: Rule, who: tuple[str, ...], number: int) -> int:
        """Count all of these requests or none; return how many were counted."""
        fits = number > 0 and await self._windows.hit(_item(rule), *who, cost=number)
        return number if fits else 0


def _item(rule: Rule) -> RateLimitItemPerSecond:
    """Return a rule in the library's form."""
    return RateLimitItemPerSecond(rule.amount, rule.seconds, namespace=rule.name)


def _remaining(standing: Standing) -> int:
    return standing.remaining
