"""The doorbell: short arq jobs that carry ids only and may be lost without losing a message.

A worker looks at its queue when something is published under the queue's name, and now and then.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from arq.connections import ArqRedis, RedisSettings, create_pool
from loguru import logger
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay
from tenacity import wait_random_exponential as wait_with_jitter

from sessions.common.errors import ConfigurationError, StoreUnavailableError

if TYPE_CHECKING:
    from sessions.connections.model import Connection

SHARED_QUEUE = "chatgrow:queue"
REDIS_DOWN = (RedisConnectionError, RedisTimeoutError, ConnectionError, OSError)
"""What a call raises while Redis cannot be reached."""

_JOB_LIFE = timedelta(minutes=10)
_ANSWER_WITHIN = timedelta(seconds=2)
_REST = timedelta(milliseconds=100)


class Job(StrEnum):
    """The names of the arq functions."""

    START_CONNECTION = "start_connection"
    DISPATCH = "dispatch"
    LOOK = "look"
    SEND_MESSAGE = "send_message"


_Bell = tuple[str, Job, str]
"""Which worker is rung, what for, and for which connection."""


def worker_queue(worker: str) -> str:
    """Return the queue for what only the holder of a lease can do."""
    return f"chatgrow:queue:{worker}"


def serialize(job: dict[str, Any]) -> bytes:
    """Write a job as JSON: arq's pickle would run whatever is written to Redis."""
    return json.dumps(job, default=str).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """Read a job that `serialize` wrote."""
    job: dict[str, Any] = json.loads(data)
    return job


def redis_settings(url: str) -> RedisSettings:
    """Return arq's settings, with retries that outlive a restart of Redis.

    Raises ConfigurationError for an address that cannot work.
    """
    try:
        settings = RedisSettings.from_dsn(url)
    except (RuntimeError, ValueError) as error:
        # What the library says can quote a part of the password.
        raise ConfigurationError(
            "REDIS_URL is not an address we can use, like redis://host:6379/0; "
            "USER:PASSWORD@ may stand before the host, all but letters and digits percent-encoded"
        ) from error
    if settings.unix_socket_path is not None:
        # Any path can be written in an address, as redis-py has it; arq leaves it quoted.
        settings.unix_socket_path = unquote(settings.unix_socket_path)
    settings.conn_retries = 0
    settings.conn_timeout = int(_ANSWER_WITHIN.total_seconds())
    settings.retry_on_timeout = True
    settings.retry_on_error = [RedisConnectionError, RedisTimeoutError, ConnectionError]
    settings.retry = Retry(ExponentialBackoff(cap=1, base=0.05), retries=3)
    return settings


@asynccontextmanager
async def open_redis(url: str, patience: timedelta) -> AsyncIterator[ArqRedis]:
    """Connect to Redis, wait until it answers, and close at the end.

    Raises StoreUnavailableError when it does not answer within `patience`, and ConfigurationError
    at once when the address cannot work.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(REDIS_DOWN),
        stop=stop_after_delay(patience),
        wait=wait_with_jitter(multiplier=0.2, max=5),
        before_sleep=lambda state: logger.warning(
            "Redis (REDIS_URL) does not answer yet, try {}; waiting for it", state.attempt_number
        ),
        reraise=True,
    )
    settings = redis_settings(url)
    try:
        pool: ArqRedis = await retrying(_connect, settings)
    except (RedisError, OSError) as error:
        raise StoreUnavailableError(f"Redis does not answer: check REDIS_URL. {error}") from error
    try:
        yield pool
    finally:
        await pool.aclose(close_connection_pool=True)


async def _connect(settings: RedisSettings) -> ArqRedis:
    pool = await create_pool(settings, job_serializer=serialize, job_deserializer=deserialize)
    await pool.ping()
    return pool


class Doorbell:
    """Ring workers; a bell that fails costs time until the next poll and is only logged."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self._resting: dict[_Bell, bool] = {}
        self._later: set[asyncio.Task[None]] = set()

    async def start_connection(self, connection: str) -> None:
        """Ask any worker with room to take the connection."""
        await self._ring(SHARED_QUEUE, Job.START_CONNECTION, connection)

    async def dispatch(self, worker: str, connection: str) -> None:
        """Tell the owner of a connection that a message is due."""
        await self._ring_now_and_then((worker, Job.DISPATCH, connection))

    async def look(self, worker: str, connection: str) -> None:
        """Tell the owner of a connection that something is asked of it or of its page."""
        await self._ring_now_and_then((worker, Job.LOOK, connection))

    async def ring_owner(self, connection: Connection) -> None:
        """Tell the owner of a connection, or any worker if it has none, to look at it."""
        if connection.lease and connection.leased:
            await self.look(connection.lease.worker, connection.id)
        else:
            await self.start_connection(connection.id)

    async def _ring_now_and_then(self, bell: _Bell) -> None:
        """Ring at once, and then once for all that came within a moment.

        An owner that is busy finds the rest by itself, and each ring costs it more than that.
        """
        if bell in self._resting:
            self._resting[bell] = True
            return
        self._resting[bell] = False
        asyncio.get_running_loop().call_later(_REST.total_seconds(), self._after_a_rest, bell)
        worker, job, connection = bell
        await self._ring(worker_queue(worker), job, connection)

    def _after_a_rest(self, bell: _Bell) -> None:
        """Ring for what came meanwhile; if that is lost, the next poll of its owner finds it."""
        if self._resting.pop(bell):
            task = asyncio.create_task(self._ring_now_and_then(bell), name="ring again")
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def answers(self) -> bool:
        """Tell whether Redis answers now."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                return bool(await self._redis.ping())
        except (RedisError, OSError, TimeoutError):
            return False

    async def _ring(self, queue: str, job: Job, connection: str) -> None:
        try:
            # Bounded: a Redis that hangs must not hold the answer to a message that is stored.
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                await self._redis.enqueue_job(
                    str(job), connection, _queue_name=queue, _expires=_JOB_LIFE
                )
                await self._redis.publish(queue, b"")
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning(
                "Redis is away, the next poll finds the work: {}", str(error) or "no answer"
            )
