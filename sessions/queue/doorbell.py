"""Wake workers through Redis: with ids only, and never with anything that must not get lost.

What any worker may do is an arq job on the shared queue, where Python backends put messages, too.
What only the owner of a connection can do is published on that worker's channel: a ring that
nobody hears costs the time until the owner's next poll.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from arq.connections import ArqRedis
from loguru import logger
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay
from tenacity import wait_random_exponential as wait_with_jitter

from sessions.common.errors import ConfigurationError, StoreUnavailableError
from sessions.queue.redis_address import pool_of

if TYPE_CHECKING:
    from sessions.connections.model import Connection

SHARED_QUEUE = "chatgrow:queue"
REDIS_DOWN = (RedisConnectionError, RedisTimeoutError, ConnectionError, OSError)
"""The errors of a call while Redis cannot be reached."""

_JOB_LIFE = timedelta(minutes=10)
_ANSWER_WITHIN = timedelta(seconds=2)
_PAUSE = timedelta(milliseconds=100)


class Job(StrEnum):
    """The names of the arq functions."""

    START_CONNECTION = "start_connection"
    SEND_MESSAGE = "send_message"
    DELIVER_WEBHOOK = "deliver_webhook"


class Ring(StrEnum):
    """What the owner of a connection is asked to do."""

    DISPATCH = "dispatch"
    """Send: a message is due."""
    LOOK = "look"
    """Look at the connection's record: something is asked of it or of its page."""


_Bell = tuple[str, Ring, str]
"""A worker, what it is rung for, and the id of the connection."""


def worker_channel(worker: str) -> str:
    """Return the name of the channel on which a worker hears its rings."""
    return f"chatgrow:rings:{worker}"


def read_ring(data: bytes) -> tuple[Ring, str] | None:
    """Read a published ring and the id of its connection; None for anything else."""
    ring, _, connection = data.decode(errors="replace").partition(" ")
    return (Ring(ring), connection) if ring in set(Ring) else None


def serialize(job: dict[str, Any]) -> bytes:
    """Write a job as JSON: with arq's default, pickle, whoever writes to Redis could run code."""
    return json.dumps(job, default=str).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """Read a job that `serialize` wrote."""
    job: dict[str, Any] = json.loads(data)
    return job


def redis_client(url: str) -> ArqRedis:
    """Return a client for REDIS_URL, with which a Python backend can enqueue jobs, too.

    Connects with its first call. Raises ConfigurationError for an invalid address.
    """
    return ArqRedis(pool_of(url), job_serializer=serialize, job_deserializer=deserialize)


@asynccontextmanager
async def open_redis(url: str, patience: timedelta) -> AsyncIterator[ArqRedis]:
    """Connect to Redis, wait until it answers, and close at the end.

    Raises StoreUnavailableError if it does not answer within `patience` or refuses us, and
    ConfigurationError if the address is invalid or names a node of a cluster.
    """
    pool = redis_client(url)
    try:
        await _wait_for(pool, patience)
        yield pool
    finally:
        await pool.aclose(close_connection_pool=True)
        # redis-py would connect anew for a late call, such as a ring that was put off, and nobody
        # would close that connection.
        pool.connection_pool.reset()  # type: ignore[no-untyped-call]
        pool.connection_pool.max_connections = 0


async def _wait_for(pool: ArqRedis, patience: timedelta) -> None:
    retrying = AsyncRetrying(
        retry=retry_if_exception(_passes),
        stop=stop_after_delay(patience),
        wait=wait_with_jitter(multiplier=0.2, max=5),
        before_sleep=lambda state: logger.warning(
            "Redis (REDIS_URL) does not answer yet, try {}; waiting for it", state.attempt_number
        ),
        reraise=True,
    )
    try:
        await retrying(_greet, pool)
    except (RedisError, OSError) as error:
        raise StoreUnavailableError(f"{_what_is_wrong(error)} {error}") from error


def _what_is_wrong(error: Exception) -> str:
    if _is_of_the_password(error):
        return "Redis refuses the user or the password in REDIS_URL:"
    if isinstance(error, ResponseError):
        return "Redis refuses us: check REDIS_URL."
    return "Redis does not answer: check REDIS_URL."


def _passes(error: BaseException) -> bool:
    """Tell whether waiting may help."""
    return isinstance(error, REDIS_DOWN) and not _is_of_the_password(error)


def _is_of_the_password(error: BaseException) -> bool:
    """Tell a wrong password, which redis-py calls a ConnectionError, too, or wraps into one."""
    return isinstance(error, AuthenticationError) or isinstance(
        error.__cause__, AuthenticationError
    )


async def _greet(pool: ArqRedis) -> None:
    """Wait for an answer; raise ConfigurationError if it is that of a node of a cluster."""
    await pool.ping()
    if await _is_clustered(pool):
        raise ConfigurationError(
            "REDIS_URL names a node of a Redis Cluster, which is not supported: "
            "use a single Redis, with replicas if you like"
        )


async def _is_clustered(pool: ArqRedis) -> bool:
    try:
        about: dict[str, Any] = await pool.info("cluster")
    except ResponseError:  # some operators forbid INFO
        return False
    return bool(about.get("cluster_enabled"))


class Doorbell:
    """Ring workers; a failure is only logged, since it costs no more than a wait for a poll."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self._rung: dict[_Bell, bool] = {}
        """The bells that rang within the last moment, and whether they were asked for again."""
        self._later: set[asyncio.Task[None]] = set()

    async def start_connection(self, connection: str) -> None:
        """Ask any worker with room to take the connection."""
        await self._bounded(self._enqueue(Job.START_CONNECTION, connection))

    async def deliver_webhook(self, webhook: str, at: datetime | None = None) -> None:
        """Ask any worker to deliver what a webhook is to be told, now or at a time."""
        # Asked for twice at the same time, it is done once.
        job_id = f"webhook:{webhook}" + (f":{at.timestamp():.3f}" if at else "")
        life = _JOB_LIFE + (max(at - datetime.now(UTC), timedelta(0)) if at else timedelta(0))
        await self._bounded(self._enqueue(Job.DELIVER_WEBHOOK, webhook, job_id, at, life))

    async def dispatch(self, connection: Connection) -> None:
        """Tell the owner of a connection, if it has one, that a message is due."""
        if connection.lease and connection.leased:
            await self._ring((connection.lease.worker, Ring.DISPATCH, connection.id))

    async def ring_owner(self, connection: Connection) -> None:
        """Tell the owner of a connection, or any worker if it has none, to look at it."""
        if connection.lease and connection.leased:
            await self._ring((connection.lease.worker, Ring.LOOK, connection.id))
        else:
            await self.start_connection(connection.id)

    async def _ring(self, bell: _Bell) -> None:
        """Ring at once; ring only once more for all that is asked within the next moment.

        A busy owner finds the rest by itself, and each ring costs it a query.
        """
        if bell in self._rung:
            self._rung[bell] = True
            return
        self._rung[bell] = False
        asyncio.get_running_loop().call_later(_PAUSE.total_seconds(), self._ring_again, bell)
        worker, ring, connection = bell
        await self._bounded(
            self._redis.publish(worker_channel(worker), f"{ring} {connection}".encode())
        )

    def _ring_again(self, bell: _Bell) -> None:
        if self._rung.pop(bell):
            task = asyncio.create_task(self._ring(bell), name="ring again")
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def answers(self) -> bool:
        """Tell whether Redis answers now."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                return bool(await self._redis.ping())
        except ResponseError:
            # While its disk is full it refuses a ping (MISCONF), and still publishes rings.
            return True
        except (RedisError, OSError, TimeoutError):
            return False

    async def _enqueue(
        self,
        job: Job,
        about: str,
        job_id: str | None = None,
        at: datetime | None = None,
        life: timedelta = _JOB_LIFE,
    ) -> None:
        await self._redis.enqueue_job(
            str(job),
            about,
            _job_id=job_id,
            _queue_name=SHARED_QUEUE,
            _defer_until=at,
            _expires=life,
        )
        await self._redis.publish(SHARED_QUEUE, b"")

    async def _bounded(self, call: Awaitable[object]) -> None:
        """Await a call of Redis, but not for long: the answer to a stored message waits for it."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                await call
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning(
                "Redis is away, the next poll finds the work: {}", str(error) or "no answer"
            )
