"""Messages that Python backends have put into Redis as arq jobs and that no worker has taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from arq.constants import job_key_prefix
from redis.exceptions import RedisError

from sessions.common.callers import FIRST_OWNER
from sessions.queue.doorbell import SHARED_QUEUE, Job, deserialize

if TYPE_CHECKING:
    from arq.connections import ArqRedis

_AT_ONCE = 500
_COUNTED_AT_MOST = 5_000
_WITHIN = timedelta(seconds=1)


@dataclass(frozen=True)
class SendJob:
    """A `send_message` job: its id, and the owner and the body that it was given."""

    id: str
    owner: object
    body: dict[str, Any]


class SendJobs:
    """Look at the `send_message` jobs of the shared queue, and remove some."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def batches(self, at_most: int | None = None) -> AsyncIterator[list[SendJob]]:
        """Yield the jobs in their order, some at a time; raise RedisError."""
        last = -1 if at_most is None else at_most - 1
        ids = [each.decode() for each in await self._redis.zrange(SHARED_QUEUE, 0, last)]
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            stored = await self._redis.mget([job_key_prefix + each for each in some])
            read = map(_read, some, stored)
            yield [each for each in read if each is not None]

    async def remove(self, jobs: Sequence[SendJob]) -> int:
        """Remove jobs; return how many there still were."""
        if not jobs:
            return 0
        ids = [each.id for each in jobs]
        await self._redis.zrem(SHARED_QUEUE, *ids)
        return int(await self._redis.delete(*(job_key_prefix + each for each in ids)))

    async def count(self, owner: str, connection_id: str) -> int | None:
        """Count the jobs for a connection among the first 5,000; None while Redis is away."""
        wanted = (owner, connection_id)
        try:
            async with asyncio.timeout(_WITHIN.total_seconds()):
                found = [
                    each
                    async for batch in self.batches(_COUNTED_AT_MOST)
                    for each in batch
                    if (each.owner, each.body.get("connectionId")) == wanted
                ]
        except (RedisError, OSError, TimeoutError):
            return None
        return len(found)


def _read(job_id: str, stored: bytes | None) -> SendJob | None:
    """Read a job; None if it is another one, or not a message: a worker will refuse that."""
    if stored is None:
        return None
    try:
        known = deserialize(stored)
        if known["f"] != Job.SEND_MESSAGE:
            return None
        given = dict(zip(("body", "owner"), known["a"], strict=False)) | known["k"]
        body = given["body"]
    except (KeyError, TypeError, ValueError):
        return None
    owner = given.get("owner", FIRST_OWNER)
    return SendJob(job_id, owner, body) if isinstance(body, dict) else None
