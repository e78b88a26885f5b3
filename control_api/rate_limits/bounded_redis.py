"""Call Redis without losing much time if it is slow or away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from loguru import logger
from redis.exceptions import RedisError

Found = TypeVar("Found")

NO_REDIS = (RedisError, OSError, TimeoutError)
"""The errors if Redis does not answer in time, or refuses."""
PATIENCE = timedelta(milliseconds=200)
_PAUSE = timedelta(seconds=5)


class BoundedRedis:
    """Call Redis for at most `patience`; after a failure, do not call it for five seconds.

    So only a few requests wait for a Redis that is away.
    """

    def __init__(
        self, patience: timedelta = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience = patience
        self._clock = clock
        self._away = False
        self._ask_again = 0.0

    async def ask(self, question: Callable[[], Awaitable[Found]]) -> Found | None:
        """Return the answer; None if Redis gives none."""
        if self._clock() < self._ask_again:
            return None
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                found = await question()
        except NO_REDIS as error:
            self._note_away(error)
            return None
        self._note_back()
        return found

    def _note_away(self, error: Exception) -> None:
        self._ask_again = self._clock() + _PAUSE.total_seconds()
        if not self._away:
            self._away = True
            logger.warning(
                "Redis is slow or away, each API process counts by itself meanwhile: {}",
                str(error) or "no answer",
            )

    def _note_back(self) -> None:
        if self._away:
            self._away = False
            logger.info("Redis is back: all API processes count together again")
