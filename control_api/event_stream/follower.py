"""Write the stream of one client: the present states or missed events first, then new events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta

from aiohttp import web

from control_api.event_stream import sse
from control_api.event_stream.streams import Audience, EventStreams
from control_api.http.problems import NotIdentifiedError
from sessions.common.errors import DomainError
from sessions.connections.events import observed_event, qr_event
from sessions.connections.model import Connection
from sessions.connections.states import ConnectionState
from sessions.connections.store import ConnectionStore
from sessions.events.log import GAP, Event, EventType
from sessions.events.stream import Entry, Position, PositionLostError
from sessions.storage.mongo import STORE_DOWN

_COME_AGAIN_AFTER = timedelta(seconds=2)


class Follower:
    """Write one stream; `admit` returns what the caller may see now, or raises a DomainError."""

    def __init__(
        self,
        request: web.Request,
        streams: EventStreams,
        connections: ConnectionStore,
        admit: Callable[[], Awaitable[Audience]],
    ) -> None:
        self._request = request
        self._feed = streams.feed
        self._limits = streams.limits
        self._connections = connections
        self._admit = admit
        self._response = web.StreamResponse(headers=sse.HEADERS)
        self._written_at = self._asked_at = time.monotonic()

    async def follow(self, position: Position | None) -> web.StreamResponse:
        """Write the events after a position or, without one, the present states and new events.

        Ends when the client leaves, loses its rights or stops reading, or when the process stops.
        Raises DomainError and STORE_DOWN errors, but only before the response has begun.
        """
        audience = await self._admit()
        first = b""
        if position is None:
            position, first = await self._present(audience)
        await self._response.prepare(self._request)
        try:
            await self._write(sse.retry(_COME_AGAIN_AFTER) + first)
            while not self._ended:
                position = await self._write_next(audience, position)
                audience = await self._admitted(audience)
        except (DomainError, *STORE_DOWN, ConnectionError):
            # The client connects again, and gets the error then.
            pass
        return self._response

    @property
    def _ended(self) -> bool:
        transport = self._request.transport
        return self._feed.closed or transport is None or transport.is_closing()

    async def _write_next(self, audience: Audience, position: Position) -> Position:
        """Write the next events, if any come soon; return the position after them."""
        try:
            entries = await self._feed.after(position, self._limits.look_up)
        except PositionLostError:
            position, present = await self._present(audience)
            await self._write(sse.block(GAP) + present)
            return position
        if entries:
            position = entries[-1].position
        if seen := [each for each in entries if audience.sees(each.event)]:
            await self._write(await self._blocks(audience, seen))
        elif time.monotonic() - self._written_at >= self._limits.keep_alive.total_seconds():
            await self._write(sse.keep_alive(position))
        return position

    async def _blocks(self, audience: Audience, entries: Sequence[Entry]) -> bytes:
        """Return events as text, with the present states after each gap."""
        blocks = []
        for entry in entries:
            blocks.append(sse.block(entry.event, entry.position))
            if entry.event.type == EventType.GAP:
                blocks.append(await self._states(audience))
        return b"".join(blocks)

    async def _present(self, audience: Audience) -> tuple[Position, bytes]:
        """Return the present states, and the position from which to follow them.

        The position is read before the states, so that no event in between is missed.
        """
        position = await self._feed.end()
        return position, await self._states(audience) + sse.mark(position)

    async def _states(self, audience: Audience) -> bytes:
        if audience.connections is None:
            connections = await self._connections.of_owner(audience.owner)
        else:
            found = await self._connections.by_ids(audience.connections)
            connections = sorted(found.values(), key=lambda each: each.created_at)
        events = (event for each in connections for event in _present_events(each))
        return b"".join(sse.block(event) for event in events if audience.sees(event))

    async def _admitted(self, audience: Audience) -> Audience:
        """Check regularly what the caller may see; while MongoDB is away, keep the last answer."""
        now = time.monotonic()
        if now - self._asked_at < self._limits.ask_again.total_seconds():
            return audience
        self._asked_at = now
        try:
            return await self._admit()
        except (NotIdentifiedError, *STORE_DOWN):
            return audience

    async def _write(self, data: bytes) -> None:
        """Send data; raise ConnectionResetError if the client does not read it in time."""
        try:
            async with asyncio.timeout(self._limits.write.total_seconds()):
                await self._response.write(data)
        except TimeoutError as error:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("The client does not read.") from error
        self._written_at = time.monotonic()


def _present_events(connection: Connection) -> Iterable[Event]:
    """Return the events that describe a connection's present state."""
    yield observed_event(connection)
    if connection.qr and connection.observed()[0] is ConnectionState.AWAITING_SCAN:
        yield qr_event(connection.owner, connection.id, connection.connection_id, connection.qr)
