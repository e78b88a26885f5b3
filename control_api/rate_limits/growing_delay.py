"""Delay further tries for a time that grows with each failure, up to a maximum."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from control_api.rate_limits.bounded_redis import BoundedRedis
from control_api.rate_limits.bounded_table import BoundedTable, Who

if TYPE_CHECKING:
    from arq.connections import ArqRedis

_PREFIX = "chatgrow:delays"
# By the clock of Redis, since the clocks of the API's hosts may differ.
_BEGIN = """
local failures = tonumber(redis.call('hget', KEYS[1], 'failures') or 0)
local opens = tonumber(redis.call('hget', KEYS[1], 'opens') or 0)
local free, first, longest, kept = unpack(ARGV)
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now < opens then
    return opens - now
end
failures = failures + 1
local delay = 0
if failures >= tonumber(free) then
    delay = math.min(tonumber(longest), first * 2 ^ math.min(failures - free, 30))
end
redis.call('hset', KEYS[1], 'failures', failures, 'opens', now + delay)
redis.call('pexpire', KEYS[1], kept)
return 0
"""
_GIVE_BACK = """
if redis.call('exists', KEYS[1]) == 1 then
    local failures = math.max(0, redis.call('hget', KEYS[1], 'failures') - 1)
    redis.call('hset', KEYS[1], 'failures', failures, 'opens', 0)
end
return 0
"""


@dataclass(frozen=True)
class Growth:
    """After `free` tries the next one must wait for `first`, then twice as long, up to `longest`.

    The count is forgotten if there is no try for `kept`.
    """

    name: str
    free: int
    first: timedelta
    longest: timedelta
    kept: timedelta

    def delay(self, failures: int) -> timedelta:
        """Return how long to wait after this many failures."""
        if failures < self.free:
            return timedelta(0)
        # The exponent is bounded, so that it cannot overflow.
        factor: int = 2 ** min(failures - self.free, 30)
        return min(self.longest, self.first * factor)


@dataclass
class _Failures:
    """The failures of a name that this process has counted; times are in seconds of its clock."""

    failures: int = 0
    opens_at: float = -math.inf
    over_at: float = math.inf


class GrowingDelay:
    """Count tries when they begin, in this process and in Redis, as the limiter does.

    While Redis is slow or away, this process decides alone.
    """

    def __init__(
        self,
        redis: ArqRedis,
        bounded: BoundedRedis,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis: Any = redis
        self._bounded = bounded
        self._clock = clock
        self._here = BoundedTable(_Failures, clock)

    async def begin(self, growth: Growth, *who: str) -> int:
        """Count a try and return 0, or do not count it and return the seconds to wait."""
        here, own = self._here.find(growth.name, who)
        wait = self._begin_here(here, growth)
        if own and wait:
            return wait
        found = await self._bounded.ask(lambda: self._begin_shared(growth, who))
        if found is None:
            return wait
        if found and not wait and own:
            _take_back(here)
        return math.ceil(found / 1000)

    async def give_back(self, growth: Growth, *who: str) -> None:
        """Take a try back that turned out not to be a failure."""
        here, own = self._here.find(growth.name, who)
        if own:
            _take_back(here)
        await self._bounded.ask(lambda: self._redis.eval(_GIVE_BACK, 1, _key(growth, who)))

    async def forget(self, growth: Growth, *who: str) -> None:
        """Forget all failures, after a success."""
        self._here.forget(growth.name, who)
        await self._bounded.ask(lambda: self._redis.delete(_key(growth, who)))

    def _begin_here(self, here: _Failures, growth: Growth) -> int:
        now = self._clock()
        if now < here.opens_at:
            return math.ceil(here.opens_at - now)
        if now >= here.over_at:
            here.failures = 0
        here.failures += 1
        here.opens_at = now + growth.delay(here.failures).total_seconds()
        here.over_at = now + growth.kept.total_seconds()
        return 0

    async def _begin_shared(self, growth: Growth, who: Who) -> int:
        """Return the milliseconds to wait, or 0 if the try was counted."""
        spans = (growth.first, growth.longest, growth.kept)
        milliseconds = [round(each.total_seconds() * 1000) for each in spans]
        return int(await self._redis.eval(_BEGIN, 1, _key(growth, who), growth.free, *milliseconds))


def _take_back(here: _Failures) -> None:
    here.failures = max(0, here.failures - 1)
    here.opens_at = -math.inf


def _key(growth: Growth, who: Who) -> str:
    return ":".join((_PREFIX, growth.name, *who))
