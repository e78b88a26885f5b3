"""Quotas for each owner, so that no owner uses up what the others need.

The first administrator is the operator of the installation and has no quota, or a wide one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from sessions.common.callers import FIRST_OWNER
from sessions.common.errors import DomainError
from sessions.messages.model import MessageStatus

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_COUNTED_FOR = timedelta(seconds=2)
"""How long a count of queued messages is cached, since counting many is slow."""


class QuotaExceededError(DomainError):
    """The owner has reached a quota."""

    code = "quota_exceeded"

    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(
            f"The limit of {limit} {quota} for one owner is reached. Delete one first, or ask "
            "your administrator for a higher limit."
        )
        self.members = {"limit": limit}


class QueueFullError(DomainError):
    """The request would exceed the owner's limit of waiting messages."""

    code = "queue_full"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This would exceed the limit of {limit} waiting messages for one owner. None of these "
            "messages was accepted. Send them again when others have been sent."
        )
        self.members = {"limit": limit, "retryAfterSeconds": 30}


class _Locks:
    """One lock for each owner, kept while somebody uses it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, owner: str) -> asyncio.Lock:
        return self._locks.setdefault(owner, asyncio.Lock())


class Quota:
    """Limit how many of something one owner can create.

    Within one process, requests of one owner create one after the other, so that concurrent
    requests can use the whole limit. Other processes may create at the same time, so the caller
    counts again after creating (`check`) and deletes what is above the limit.
    """

    def __init__(
        self,
        what: str,
        limit: int,
        count: Callable[[str], Awaitable[int]],
        of_first: int | None = None,
    ) -> None:
        """`of_first` is the limit of the first administrator; None means none."""
        self._what = what
        self._limit = limit
        self._of_first = of_first
        self._count = count
        self._locks = _Locks()

    @asynccontextmanager
    async def room(self, owner: str) -> AsyncIterator[None]:
        """Create one in this block and call `check` at its end; raise QuotaExceededError."""
        async with self._locks.of(owner):
            await self._require(owner, more=1)
            yield

    async def check(self, owner: str) -> None:
        """Raise QuotaExceededError if the owner has too many; the caller deletes the new one."""
        await self._require(owner, more=0)

    async def _require(self, owner: str, *, more: int) -> None:
        limit = self._of_first if owner == FIRST_OWNER else self._limit
        if limit is not None and await self._count(owner) + more > limit:
            raise QuotaExceededError(self._what, limit)


@dataclass(frozen=True)
class _Counted:
    """How many messages wait, including those that this process accepted after the count.

    `at` is the time of the count on the monotonic clock.
    """

    waiting: int
    at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < _COUNTED_FOR.total_seconds()


class QueueQuota:
    """Limit how many messages of one owner wait, over all their connections.

    Messages accepted by this process count at once, also those of concurrent requests. Messages
    accepted by other processes count within `_COUNTED_FOR`.
    """

    def __init__(self, database: Database, limit: int) -> None:
        self._connections: Collection = database["connections"]
        self._messages: Collection = database["messages"]
        self._limit = limit
        self._locks = _Locks()
        self._counts: dict[str, _Counted] = {}
        self._in_hand: Counter[str] = Counter()

    @asynccontextmanager
    async def room(self, owner: str, amount: int) -> AsyncIterator[None]:
        """Store this many messages in the block; raise QueueFullError if they do not fit."""
        if owner == FIRST_OWNER:
            yield
            return
        async with self._locks.of(owner):
            await self._take(owner, amount)
            self._in_hand[owner] += amount
        try:
            yield
        finally:
            self._in_hand[owner] -= amount
            self._in_hand = +self._in_hand

    async def _take(self, owner: str, amount: int) -> None:
        counted = self._counts.get(owner)
        if counted is None or not counted.is_fresh:
            self._forget_old()
            at = time.monotonic()
            # Messages being stored may be counted twice: then too few are accepted, not too many.
            in_hand = self._in_hand[owner]
            counted = _Counted(await self._count(owner) + in_hand, at)
        taken = _Counted(counted.waiting + amount, counted.at)
        fits = taken.waiting <= self._limit
        self._counts[owner] = taken if fits else counted
        if not fits:
            raise QueueFullError(self._limit)

    def _forget_old(self) -> None:
        self._counts = {owner: each for owner, each in self._counts.items() if each.is_fresh}

    async def _count(self, owner: str) -> int:
        cursor = self._connections.find({"owner": {"$eq": owner}}, {"_id": True})
        connections = [found["_id"] async for found in cursor]
        waiting = {"status": MessageStatus.QUEUED, "connection": {"$in": connections}}
        return await self._messages.count_documents(waiting, limit=self._limit + 1)
