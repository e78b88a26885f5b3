"""Count what somebody does in a sliding window, in Redis, for all API processes together."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from loguru import logger
from redis.exceptions import RedisError

from sessions.together import Together

if TYPE_CHECKING:
    from arq.connections import ArqRedis

Found = TypeVar("Found")
_Charged = tuple["Rule", tuple[str, ...]]

_PATIENCE = timedelta(milliseconds=200)
_PAUSE = timedelta(seconds=5)


@dataclass(frozen=True)
class Rule:
    """So many in so long a time (whole seconds); `name` keeps rules apart."""

    name: str
    amount: int
    window: timedelta

    @property
    def seconds(self) -> int:
        """The window; parts of a second are rounded up."""
        return math.ceil(self.window.total_seconds())

    def to_item(self) -> RateLimitItemPerSecond:
        """Write the rule as the library wants it."""
        return RateLimitItemPerSecond(self.amount, self.seconds, namespace=self.name)


@dataclass(frozen=True)
class Standing:
    """How somebody stands with a rule, after this one was counted or refused."""

    rule: Rule
    allowed: bool
    remaining: int
    resets_in: int
    """Seconds, at least one, until more is allowed."""


class Limiter:
    """Count and refuse; while Redis is away everything is allowed and nothing is known (None).

    `patience` bounds what a request can lose to a slow Redis; after a failure Redis is left alone
    for a few seconds, so that not every request waits for it.
    """

    def __init__(
        self,
        redis: ArqRedis,
        patience: timedelta = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix="chatgrow:limits",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]
        )
        self._windows = SlidingWindowCounterRateLimiter(storage)
        self._charge: Together[_Charged, Standing] = Together(self._charge_all)
        self._patience = patience
        self._clock = clock
        self._away = False
        self._ask_again = 0.0

    async def charge(self, rule: Rule, *who: str) -> Standing | None:
        """Count one more, or refuse it: what is refused is not counted."""
        return await self._ask(lambda: self._charge((rule, who)))

    async def give_back(self, rule: Rule, *who: str) -> None:
        """Take one back that was counted."""
        await self._ask(lambda: self._windows.hit(rule.to_item(), *who, cost=-1))

    async def forget(self, rule: Rule, *who: str) -> None:
        """Start anew, as if nothing had been counted."""
        await self._ask(lambda: self._windows.clear(rule.to_item(), *who))

    async def _charge_all(self, charged: Sequence[_Charged]) -> list[Standing | Exception]:
        """Count requests that came together: for each caller at once while all of them fit."""
        counts = Counter(charged)
        # Bounded here too: those who wait give up by themselves and leave this behind.
        async with asyncio.timeout(self._patience.total_seconds()):
            found = await asyncio.gather(
                *(self._charge_one(rule, who, number) for (rule, who), number in counts.items())
            )
        standings = dict(zip(counts, found, strict=True))
        return [standings[each].pop() for each in charged]

    async def _charge_one(self, rule: Rule, who: tuple[str, ...], number: int) -> list[Standing]:
        """Return how a caller stood after each of so many requests, the last one first."""
        item = rule.to_item()
        allowed = await self._windows.hit(item, *who, cost=number)
        if number > 1 and not allowed:
            one_by_one = [(await self._charge_one(rule, who, 1))[0] for _ in range(number)]
            return one_by_one[::-1]
        stats = await self._windows.get_window_stats(item, *who)
        resets_in = max(1, math.ceil(stats.reset_time - time.time()))
        return [
            Standing(rule, allowed, stats.remaining + later, resets_in) for later in range(number)
        ]

    async def _ask(self, question: Callable[[], Awaitable[Found]]) -> Found | None:
        if self._clock() < self._ask_again:
            return None
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                found = await question()
        except (RedisError, OSError, TimeoutError) as error:
            self._note_away(error)
            return None
        self._note_back()
        return found

    def _note_away(self, error: Exception) -> None:
        self._ask_again = self._clock() + _PAUSE.total_seconds()
        if not self._away:
            self._away = True
            logger.warning(
                "Redis is away, nothing is limited meanwhile: {}", str(error) or "no answer"
            )

    def _note_back(self) -> None:
        if self._away:
            self._away = False
            logger.info("Redis is back: limits hold again")
