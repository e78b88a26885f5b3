"""Networks for httpx that never leave the process, for a client that blocks and for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx

Piece = bytes | Exception
Answer = Callable[[httpx.Request], httpx.Response]


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces; an exception among them is raised."""

    def __init__(self, *pieces: Piece) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class Network(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers requests by a function, and reads their bodies piece by piece."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[httpx.Request] = []
        self.received = 0
        """Bytes of all bodies."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a client that blocks."""
        self.requests.append(request)
        assert isinstance(request.stream, httpx.SyncByteStream)
        self.received += sum(len(piece) for piece in request.stream)
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a client for asyncio."""
        self.requests.append(request)
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for piece in request.stream:
            self.received += len(piece)
        return self._answer(request)
