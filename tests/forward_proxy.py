"""A forward proxy on loopback that can be cut: a browser's network in the hands of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from tests.ports import LOOPBACK

_LONGEST_HEAD = 256 * 1024
_CHUNK = 64 * 1024
_HTTP_PORT = 80
_REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_AWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection Established\r\n\r\n"
_HOP_BY_HOP = (b"connection:", b"proxy-connection:", b"keep-alive:")

Allows = Callable[[str], bool]


class ForwardProxy:
    """Carries HTTP requests and CONNECT tunnels, to the hosts that are allowed."""

    def __init__(self, allows: Allows) -> None:
        self._allows = allows
        self._open: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._cut = False
        self._port = 0
        self.carried = 0
        """How many requests and tunnels were carried."""
        self.refused: set[str] = set()
        """The hosts that were asked for and are not allowed."""

    @property
    def uri(self) -> str:
        """The address of the proxy."""
        return f"http://{LOOPBACK}:{self._port}"

    def cut(self) -> None:
        """Break every connection, and close each new one at once."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Carry again."""
        self._cut = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ForwardProxy]:
        """Serve until the block ends."""
        server = await asyncio.start_server(self._accept, LOOPBACK, self._port, limit=_LONGEST_HEAD)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            for carrying in self._carrying:
                carrying.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrying = asyncio.create_task(self._attend(reader, writer))
        self._carrying.add(carrying)
        carrying.add_done_callback(self._carrying.discard)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with self._kept(writer):
                await self._answer(reader, writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            return
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        host, port = _address(method, target)
        if not self._allows(host):
            self.refused.add(host)
            writer.write(_REFUSAL)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.write(_AWAY)
            return
        async with self._kept(far_writer):
            self.carried += 1
            if method == "CONNECT":
                writer.write(_ESTABLISHED)
            else:
                far_writer.write(_for_origin(head))
            await _join(_pump(reader, far_writer), _pump(far_reader, writer))

    @asynccontextmanager
    async def _kept(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        """Know of a connection while it lives, so that it can be cut."""
        self._open.add(writer)
        try:
            yield
            with suppress(OSError):
                await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()


def _address(method: str, target: str) -> tuple[str, int]:
    parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
    if parts.hostname is None:
        raise ValueError(f"no host in {target}")
    return parts.hostname, parts.port or _HTTP_PORT


def _for_origin(head: bytes) -> bytes:
    """Return the head of a proxied request as its origin expects it, for one request alone."""
    first, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, version = first.split(b" ")
    parts = urlsplit(target)
    path = (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
    kept = [field for field in fields if not field.lower().startswith(_HOP_BY_HOP)]
    return b"\r\n".join([b" ".join([method, path, version]), *kept, b"Connection: close", b"", b""])


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()


async def _join(*pumps: Coroutine[Any, Any, None]) -> None:
    """Carry both directions until one has ended."""
    tasks = [asyncio.create_task(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
