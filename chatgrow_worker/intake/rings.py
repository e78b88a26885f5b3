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


class RingListener:
    """Subscribe to the worker's channel, again after each outage of Redis.

    Rings are lost while nobody is subscribed. So `on_gap` is called after each subscription, and
    must make all connections look for work.
    """

    def __init__(
        self,
        redis: ArqRedis,
        worker: str,
        on_ring: Callable[[Ring, str], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._worker = worker
        self._on_ring = on_ring
        self._on_gap = on_gap
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
            # redis-py reconnects by itself, and then subscribes again.
            async for message in channel.listen():
                self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._backoff.reset()
            self._on_gap()
        elif message["type"] == "message" and (ring := read_ring(message["data"])):
            self._on_ring(*ring)
