"""Follow events: connect, read, and connect again where the line was cut."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel
from typing_extensions import Self

from chatgrow_client.calls import Call
from chatgrow_client.errors import (
    NoAnswerError,
    ProblemError,
    RequestError,
    UnexpectedAnswerError,
)
from chatgrow_client.models import EventType
from chatgrow_client.repeating import NO_RETRIES, Repeater, backoff, may_repeat
from chatgrow_client.server_events import EventDecoder, ServerEvent
from chatgrow_client.transports import AsyncTransport, SyncTransport

Model = TypeVar("Model", bound=BaseModel)
_Class = type[Model]
"""Within `Event`, `type` is the type of the event."""
_log = logging.getLogger("chatgrow_client")
_ONCE = Repeater(NO_RETRIES)
_USUAL_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(seconds=30)


@dataclass(frozen=True)
class Event:
    """Something that happened; a `gap` says that events were lost: read the states again.

    After a gap the API tells the present state of each connection. `id` is what to hand to
    `follow(last_event_id=…)` in order to go on behind this event.
    """

    type: EventType
    data: Mapping[str, Any]
    id: str
    timestamp: datetime | None = None
    """When it happened, where that is told: in webhooks."""

    @property
    def is_gap(self) -> bool:
        """Whether events were lost here."""
        return self.type == EventType.GAP

    @property
    def connection_id(self) -> str | None:
        """The connection that the event is about."""
        return self.data.get("connectionId")

    @property
    def message_id(self) -> str | None:
        """The message that the event is about."""
        return self.data.get("messageId")

    def read(self, model: _Class[Model]) -> Model:
        """Return the data as a model, such as `ReceivedView` in a webhook's `message.received`."""
        return model.model_validate(self.data)


class Following:
    """What a stream of events needs to know to go on after a cut."""

    def __init__(
        self, call: Call[httpx.Response], last_event_id: str | None, give_up_after: timedelta | None
    ) -> None:
        self._call = call
        self._give_up_after = give_up_after
        self._decoder = EventDecoder(last_event_id or "")
        self._failures = 0
        self._heard_at = time.monotonic()

    @property
    def last_event_id(self) -> str:
        """The id behind which to go on."""
        return self._decoder.last_id

    def sync(self, transport: SyncTransport) -> EventStream:
        """Follow with a client that blocks."""
        return EventStream(transport, self)

    def asynchronous(self, transport: AsyncTransport) -> AsyncEventStream:
        """Follow with a client for asyncio."""
        return AsyncEventStream(transport, self)

    def next_call(self) -> Call[httpx.Response]:
        """Return the call that goes on where the last connection ended."""
        self._decoder.begin()
        last = {"Last-Event-ID": self.last_event_id} if self.last_event_id else {}
        return replace(self._call, headers={**self._call.headers, **last})

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that a piece completes."""
        self._failures = 0
        self._heard_at = time.monotonic()
        return map(_read, self._decoder.feed(piece))

    def pause_after(self, error: Exception | None) -> timedelta:
        """Return how long to wait before connecting again; raise an error that will not pass."""
        self._failures += 1
        if isinstance(error, RequestError) and not may_repeat(self._call, error):
            raise error
        if self._give_up_after is not None:
            silent = timedelta(seconds=time.monotonic() - self._heard_at)
            if silent > self._give_up_after:
                raise NoAnswerError(f"The events cannot be followed: {error or 'ended'}") from error
        pause = self._pause(error)
        _log.info("Events: %s; again in %.1f s", error or "ended", pause.total_seconds())
        return pause

    def _pause(self, error: Exception | None) -> timedelta:
        told = self._decoder.retry
        usual = _USUAL_PAUSE if told is None else told
        asked = error.retry_after if isinstance(error, ProblemError) else None
        longest = max(usual, _LONGEST_PAUSE)
        growing = backoff(usual, self._failures, longest, random.random())  # noqa: S311
        return max(asked or usual, growing)


class EventStream:
    """Events as they come, without an end; `close` it, or use it in a `with`, to stop."""

    def __init__(self, transport: SyncTransport, following: Following) -> None:
        self._transport = transport
        self._following = following
        self._events = self._follow()

    @property
    def last_event_id(self) -> str:
        """The id behind which a later `follow` goes on."""
        return self._following.last_event_id

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the stream."""
        self._events.close()

    def _follow(self) -> Generator[Event, None, None]:
        following = self._following
        while True:
            cut: Exception | None = None
            try:
                call = following.next_call()
                with closing(self._transport.run(_ONCE.attempts(call))) as response:
                    for piece in response.iter_bytes():
                        yield from following.feed(piece)
            except (httpx.TransportError, RequestError) as error:
                cut = error
            self._transport.pause(following.pause_after(cut))


class AsyncEventStream:
    """Events as they come, without an end; `aclose` it, or use it in an `async with`, to stop."""

    def __init__(self, transport: AsyncTransport, following: Following) -> None:
        self._transport = transport
        self._following = following
        self._events = self._follow()

    @property
    def last_event_id(self) -> str:
        """The id behind which a later `follow` goes on."""
        return self._following.last_event_id

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await self._events.__anext__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the stream."""
        await self._events.aclose()

    async def _follow(self) -> AsyncGenerator[Event, None]:
        following = self._following
        while True:
            cut: Exception | None = None
            try:
                response = await self._transport.run(_ONCE.attempts(following.next_call()))
                try:
                    async for piece in response.aiter_bytes():
                        for event in following.feed(piece):
                            yield event
                finally:
                    await response.aclose()
            except (httpx.TransportError, RequestError) as error:
                cut = error
            await self._transport.pause(following.pause_after(cut))


def _read(event: ServerEvent) -> Event:
    """Read an event; raise UnexpectedAnswerError if its data is no JSON object."""
    try:
        data = json.loads(event.data)
    except ValueError as error:
        raise UnexpectedAnswerError(f"An event is no JSON: {event.data[:200]}", 200) from error
    return Event(EventType(event.type), data, event.id)
