"""Receive the rings that are published for this worker's connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from loguru import logger
from redis.exceptions import RedisError

from chatgrow_worker.waiting import Backoff
from sessions.queue.doorbell import Ring, read_ring, worker_channel

if TYPE_CHECKING:
    from arq.connections import ArqRedis
    from redis.asyncio.client import PubSub

_ASK_AFTER = timedelta(seconds=10)
"""How long nothing may come before Redis is asked whether it is still there."""


class RingListener:
    """Subscribe to the worker's channel, again after each outage of Redis.

    Rings are lost while nobody is subscribed, or on a line that has died. So `on_gap` is called
    after each subscription, and must make all connections look for work.
    """

    def __init__(
        self,
        redis: ArqRedis,
        worker: str,
        on_ring: Callable[[Ring, str], None],
        on_gap: Callable[[], None],
        ask_after: timedelta = _ASK_AFTER,
    ) -> None:
        self._redis = redis
        self._worker = worker
        self._on_ring = on_ring
        self._on_gap = on_gap
        self._ask_after = ask_after.total_seconds()
        self._backoff = Backoff(timedelta(seconds=0.2), timedelta(seconds=5))

    async def listen(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen_once()
            except (RedisError, OSError) as error:
                logger.warning("Redis is away, messages wait for the next poll: {}", error)
            await asyncio.sleep(self._backoff.next().total_seconds())

    async def _listen_once(self) -> None:
        async with self._redis.pubsub() as channel:
            await channel.subscribe(worker_channel(self._worker))
            while True:
                # redis-py reconnects by itself when the line breaks, and then subscribes again.
                self._hear(await self._next(channel))

    async def _next(self, channel: PubSub) -> dict[str, Any]:
        """Return what comes next; raise TimeoutError on a line that is dead, though open.

        A network that loses a connection without a word would cost each message a poll, for ever.
        """
        message: dict[str, Any] | None = await channel.get_message(timeout=self._ask_after)
        if message is None:
            await channel.ping()
            message = await channel.get_message(timeout=self._ask_after)
        if message is None:
            raise TimeoutError("no answer on the line that rings come by")
        return message

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._backoff.reset()
            self._on_gap()
        elif message["type"] == "message" and (ring := read_ring(message["data"])):
            self._on_ring(*ring)
