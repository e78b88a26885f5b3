"""A line to a server that is cut at the worst moments."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto

_CHUNK = 64 * 1024
_HALF = 60
"""Bytes: the first line of an answer, and a bit more."""


class Fate(Enum):
    """What becomes of a connection."""

    UNHEARD = auto()
    """It is cut before the server hears anything."""
    LOST_ANSWER = auto()
    """It is cut when the server answers; the client hears nothing."""
    HALF_ANSWER = auto()
    """It is cut in the middle of the answer."""


class CutLine:
    """Carries connections to a port; the next ones have the fates that are given."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.fates: deque[Fate] = deque()
        self.connections = 0
        """How many connections there were."""
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    def cut(self) -> None:
        """Cut all connections."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry a connection."""
        self.connections += 1
        fate = self.fates.popleft() if self.fates else None
        self._open.add(writer)
        try:
            await self._carry(reader, writer, fate)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: Fate | None
    ) -> None:
        if fate is Fate.UNHEARD:
            await reader.read(_CHUNK)
            return
        server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        asking = asyncio.create_task(_pipe(reader, to_server))
        try:
            await self._answer(server, writer, fate)
        finally:
            asking.cancel()
            to_server.transport.abort()

    async def _answer(
        self, server: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: Fate | None
    ) -> None:
        if fate is None:
            await _pipe(server, writer)
            return
        answer = await server.read(_CHUNK)
        if fate is Fate.HALF_ANSWER:
            writer.write(answer[:_HALF])
            await writer.drain()
            writer.close()
            await writer.wait_closed()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def cut_line(port: int) -> AsyncIterator[CutLine]:
    """Carry connections to a port of this machine."""
    line = CutLine(port)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.cut()
