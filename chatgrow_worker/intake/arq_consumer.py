"""Run the jobs of an arq queue, and survive outages of Redis."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from arq.connections import ArqRedis
from arq.worker import Function, Worker, func
from loguru import logger
from redis.exceptions import RedisError

from chatgrow_worker.waiting import Backoff, happens
from sessions.queue.doorbell import deserialize, redis_client, serialize

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

Command = Callable[..., Awaitable[None]]
"""An arq function: it takes arq's context and the arguments of the job."""
Refuse = Callable[[str, str], Awaitable[None]]
"""What is done with a job that no command can do: it takes the job's id, and why."""

_JOB_LIMIT = timedelta(seconds=20)
_MAX_TRIES = 1000
"""arq drops a job after this many tries, in which it counts restarts of the worker."""
_UNREADABLE = ""
"""The name of the function of a job that cannot be read."""


class Intake:
    """One arq queue, and the commands for its jobs.

    arq itself would poll Redis many times a second. Here it runs only while there are jobs: at
    once after a ring on the queue's channel, otherwise at the next poll.
    """

    def __init__(
        self,
        queue: str,
        commands: Mapping[str, Command],
        redis_url: str,
        poll_every: timedelta,
        poll_while_busy: timedelta,
        refuse: Refuse,
    ) -> None:
        self._queue = queue
        self._commands = commands
        self._refuse = refuse
        self._redis_url = redis_url
        self._poll_every = poll_every
        self._poll_while_busy = poll_while_busy

    async def listen(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set."""
        # At level INFO arq logs the arguments of every job.
        logging.getLogger("arq").setLevel(logging.WARNING)
        backoff = Backoff(timedelta(seconds=0.2), timedelta(seconds=5))
        while not stop.is_set():
            try:
                await self._listen_once(stop)
            except (RedisError, OSError) as error:
                wait = backoff.next()
                logger.warning("Redis is away, messages wait for the next poll: {}", error)
                await happens(stop, wait)
            else:
                backoff.reset()

    async def _listen_once(self, stop: asyncio.Event) -> None:
        worker = self._worker(redis_client(self._redis_url))
        running = asyncio.create_task(self._run_jobs(worker), name=f"arq {self._queue}")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await _close(worker)
        if not stop.is_set():
            running.result()

    async def _run_jobs(self, worker: Worker) -> None:
        async with worker.pool.pubsub() as bell:
            await bell.subscribe(self._queue)
            while True:
                if await worker.pool.zcard(self._queue):
                    await worker.async_run()
                await bell.get_message(True, self._poll_every.total_seconds())

    def _worker(self, pool: ArqRedis) -> Worker:
        worker = Worker(
            functions=[func(_job(run), name=name) for name, run in self._commands.items()],
            queue_name=self._queue,
            redis_pool=pool,
            burst=True,
            handle_signals=False,
            keep_result=0,
            job_timeout=_JOB_LIMIT.total_seconds(),
            max_tries=_MAX_TRIES,
            poll_delay=self._poll_while_busy.total_seconds(),
            log_results=False,
            job_serializer=serialize,
            job_deserializer=_read,
        )
        worker.functions = _Functions(worker.functions, self._refuse)
        return worker


class _Functions(dict[str, Any]):
    """The functions of arq by name; arq itself drops a job for any other name."""

    def __init__(self, known: Mapping[str, Any], refuse: Refuse) -> None:
        super().__init__(known)
        self._refuse = refuse

    def __missing__(self, name: str) -> Function:
        reason = f"there is no function {name!r}"
        if name == _UNREADABLE:
            reason = "it is not written as redis_client of sessions.queue.doorbell writes jobs"

        async def refuse(ctx: dict[Any, Any], *_: Any, **__: Any) -> None:
            await self._refuse(str(ctx["job_id"]), reason)

        return func(refuse, name=name)


def _read(data: bytes) -> dict[str, Any]:
    """Read a job; one that cannot be read is for no function, and so is refused."""
    try:
        job = deserialize(data)
        readable = isinstance(job["a"], list) and isinstance(job["k"], dict)
    except (ValueError, TypeError, KeyError, RecursionError):
        readable = False
    return job if readable else {"t": None, "f": _UNREADABLE, "a": [], "k": {}, "et": 0}


def _job(run: Command) -> WorkerCoroutine:
    async def job(ctx: dict[Any, Any], *args: Any, **named: Any) -> None:
        await run(ctx, *args, **named)

    return job


async def _close(worker: Worker) -> None:
    try:
        await worker.close()
    except (RedisError, OSError) as error:
        logger.debug("arq could not close its connection: {}", error)
