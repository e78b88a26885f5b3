"""The stream of events in Redis: every program appends to it, and every API process reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from loguru import logger
from redis.exceptions import RedisError, ResponseError

from sessions.events.log import Event, EventLog, message_of, tells_of

if TYPE_CHECKING:
    from arq.connections import ArqRedis
    from redis.asyncio.client import Pipeline

STREAM = "chatgrow:events"
KEPT = 10_000
"""About how many events the stream holds at most."""
KEPT_FOR = timedelta(hours=1)
"""How long events are kept by default."""
STREAM_DOWN = (RedisError, OSError, TimeoutError)
"""The errors of a call while Redis cannot be reached or does not answer."""

_ANSWER_WITHIN = timedelta(seconds=2)
_TRY_AGAIN_AFTER = timedelta(seconds=1)
_BATCH = 250
_ERASE_BATCH = 1000
_PAUSE = timedelta(milliseconds=50)
"""The pause after a batch, in which the next one grows: a burst of events is sent together."""
_TRIM_EVERY = timedelta(minutes=1)
_FIELDS = (b"type", b"owner", b"connection", b"data")


class Position(NamedTuple):
    """A position in the stream: after the event with this id."""

    milliseconds: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read a position as written by `str`; raise ValueError."""
        parts = text.split("-")
        if len(parts) != 2 or not all(_is_number(part) for part in parts):
            raise ValueError("Give an id from the stream of events.")
        return cls(int(parts[0]), int(parts[1]))


START = Position(0, 0)
"""Before the first event."""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 1 << 64


@dataclass(frozen=True, slots=True)
class Entry:
    """An event at its position."""

    position: Position
    event: Event


class PositionLostError(Exception):
    """The stream no longer holds this position: later events may have been removed, too."""


class EventStream:
    """Append to the stream, read it and trim it; calls are bounded and raise STREAM_DOWN errors.

    Events are kept only for `kept_for`, since they hold QR codes and phone numbers.
    """

    def __init__(self, redis: ArqRedis, kept_for: timedelta = KEPT_FOR) -> None:
        self._redis = redis
        self._kept_for = kept_for

    async def append(self, events: Sequence[Event]) -> None:
        """Append events in order, all or none."""
        async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
            async with self._redis.pipeline(transaction=True) as pipeline:
                for event in events:
                    pipeline.xadd(STREAM, _fields(event), maxlen=KEPT, approximate=True)
                await pipeline.execute()

    async def trim(self) -> None:
        """Remove events that are older than `kept_for`, by the clock of Redis."""
        async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
            seconds, microseconds = await self._redis.time()
            kept = self._kept_for // timedelta(milliseconds=1)
            oldest = seconds * 1000 + microseconds // 1000 - kept
            # An approximate trim would leave up to a hundred old events.
            await self._redis.xtrim(STREAM, minid=max(0, oldest), approximate=False)

    async def erase(self, owner: str | None, chats: AbstractSet[str]) -> int:
        """Remove the events of an owner (None: all owners) that name these chats; count them."""
        return await self._erase(lambda event: tells_of(event, owner, chats))

    async def erase_connections(self, connections: Collection[str]) -> int:
        """Remove the events of these connections, by internal ids; count them."""
        return await self._erase(lambda event: event.connection in connections)

    async def erase_messages(
        self, after: Position, gone: Callable[[Collection[str]], Awaitable[Collection[str]]]
    ) -> Position:
        """Remove the events after a position whose messages are gone; return the newest position.

        `gone` is given ids of messages, and returns those that no longer exist.
        """
        while True:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                found = await self._redis.xrange(STREAM, f"({after}", "+", _ERASE_BATCH)
            entries = [_entry(*each) for each in found]
            told = {str(each.position): message_of(each.event) for each in entries}
            lost = await gone({each for each in told.values() if each is not None})
            named = [position for position, message in told.items() if message in lost]
            if named:
                async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                    await self._redis.xdel(STREAM, *named)
            after = entries[-1].position if entries else after
            if len(found) < _ERASE_BATCH:
                return after

    async def _erase(self, which: Callable[[Event], bool]) -> int:
        erased, start = 0, "-"
        while True:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                found = await self._redis.xrange(STREAM, start, "+", _ERASE_BATCH)
            entries = [_entry(*each) for each in found]
            named = [str(each.position) for each in entries if which(each.event)]
            if named:
                async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                    erased += await self._redis.xdel(STREAM, *named)
            if len(found) < _ERASE_BATCH:
                return erased
            start = f"({entries[-1].position}"

    async def end(self) -> Position:
        """Return the position after the newest event, even if that event was removed."""
        async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
            try:
                stream = await self._redis.xinfo_stream(STREAM)
            except ResponseError:  # there is no stream yet
                return START
        return _position(stream["last-generated-id"])

    async def after(self, position: Position, count: int) -> list[Entry]:
        """Return the next events after a position; raise PositionLostError."""
        async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.xrange(STREAM, str(position), str(position))
                pipeline.xinfo_stream(STREAM)
                pipeline.xrange(STREAM, f"({position}", "+", count)
                itself, stream, found = await _results(pipeline)
        if not itself and not _is_newest(position, stream):
            raise PositionLostError(str(position))
        return [_entry(*each) for each in found]

    async def wait_after(self, position: Position, count: int, within: timedelta) -> list[Entry]:
        """Wait for the next events after a position; return none if none comes in time.

        An empty stream can be followed from START. Raises PositionLostError.
        """
        async with asyncio.timeout((within + _ANSWER_WITHIN).total_seconds()):
            # One connection for all calls: if it breaks between them, all are tried again.
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.xrange(STREAM, str(position), str(position))
                pipeline.xinfo_stream(STREAM)
                pipeline.xread({STREAM: str(position)}, count, within // timedelta(milliseconds=1))
                itself, stream, found = await _results(pipeline)
        if not itself and position != START and not _is_newest(position, stream):
            raise PositionLostError(str(position))
        return [_entry(*each) for each in found[0][1]] if found else []


async def _results(pipeline: Pipeline) -> tuple[Any, Any, Any]:
    """Return the results of a pipeline's three calls; the second is None if there is no stream."""
    itself, stream, found = await pipeline.execute(raise_on_error=False)
    for each in (itself, found):
        if isinstance(each, Exception):
            raise each
    return itself, None if isinstance(stream, ResponseError) else stream, found


def _is_newest(position: Position, stream: Mapping[str, Any] | None) -> bool:
    """Tell whether no event came after a position: then none after it can have been removed."""
    return stream is not None and _position(stream["last-generated-id"]) == position


def _fields(event: Event) -> dict[Any, Any]:
    return {
        "type": event.type,
        "owner": event.owner,
        "connection": event.connection,
        "data": event.data,
    }


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    type_, owner, connection, data = (fields.get(name, b"").decode() for name in _FIELDS)
    return Entry(_position(entry_id), Event(type_, owner, connection, data))


def _position(entry_id: bytes) -> Position:
    return Position.parse(entry_id.decode())


@asynccontextmanager
async def open_event_log(
    redis: ArqRedis, kept_for: timedelta = KEPT_FOR
) -> AsyncIterator[EventLog]:
    """Yield an event log whose events are sent to Redis; at the end, send the last ones.

    Inside the block, also remove events of all programs that are older than `kept_for`.
    """
    log, stream = EventLog(), EventStream(redis, kept_for)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_Publisher(log, stream).run(), name="event log")
            trimming = group.create_task(
                _keep_trimming(stream, min(kept_for, _TRIM_EVERY)), name="old events"
            )
            try:
                yield log
            finally:
                trimming.cancel()
                await _end(log, task)
    except BaseExceptionGroup as errors:
        # The caller does not know of our task group, and expects the errors of its own block.
        error = errors.exceptions[0]
        raise error from error.__cause__


async def _end(log: EventLog, task: asyncio.Task[None]) -> None:
    log.close()
    _, late = await asyncio.wait({task}, timeout=_ANSWER_WITHIN.total_seconds())
    if late:
        logger.warning("The last events were not published: Redis is away")
        task.cancel()


async def _keep_trimming(stream: EventStream, every: timedelta) -> None:
    """Remove old events regularly; while Redis is away, try again later."""
    while True:
        with suppress(*STREAM_DOWN):
            await stream.trim()
        await asyncio.sleep(every.total_seconds())


class _Publisher:
    """Send events from a log to the stream; while Redis is away, try again.

    A batch is repeated until it succeeds, which keeps the order. If Redis took a batch but its
    answer was lost, the events of that batch are sent twice.
    """

    def __init__(self, log: EventLog, stream: EventStream) -> None:
        self._log = log
        self._stream = stream
        self._away = False

    async def run(self) -> None:
        """Publish until the log is closed and empty."""
        while await self._log.wait():
            batch = self._log.take(_BATCH)
            while not await self._publish(batch):  # noqa: ASYNC110  Redis sends no event
                await asyncio.sleep(_TRY_AGAIN_AFTER.total_seconds())
            await asyncio.sleep(_PAUSE.total_seconds())

    async def _publish(self, batch: Sequence[Event]) -> bool:
        try:
            await self._stream.append(batch)
        except STREAM_DOWN as error:
            if not self._away:
                logger.warning("Events are held back, Redis is away: {}", str(error) or "no answer")
            self._away = True
            return False
        if self._away:
            logger.info("Events are published again")
        self._away = False
        return True
