"""Files on their way: read piece by piece while they are sent, written so while they arrive."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO, Callable, Union
from urllib.parse import unquote

import httpx
from typing_extensions import Self

from chatgrow_client.calls import Call
from chatgrow_client.errors import NoAnswerError
from chatgrow_client.transports import AsyncTransport, SyncTransport

_PIECE = 256 * 1024
_NAMED = "filename*=UTF-8''"
File = Union[str, "PathLike[str]", bytes, BinaryIO]
"""A path, the bytes themselves, or a file that is open for reading bytes."""


@dataclass(frozen=True)
class _Source:
    open: Callable[[], AbstractContextManager[BinaryIO]]
    size: int | None
    replayable: bool
    name: str | None


class FileContent:
    """A file as the body of a request: a form with the file in its part `file`."""

    def __init__(self, file: File, filename: str | None, mimetype: str | None) -> None:
        """Prepare it; a path is opened when it is sent. Raises OSError if there is no such file."""
        self._source = _source(file)
        boundary = uuid.uuid4().hex
        name = _escaped(filename or self._source.name or "file")
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {mimetype or 'application/octet-stream'}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if self._source.size is not None:
            length = len(self._head) + self._source.size + len(self._tail)
            self.headers["Content-Length"] = str(length)

    @property
    def replayable(self) -> bool:
        """Whether it can be sent again: what comes from a pipe cannot."""
        return self._source.replayable

    def pieces(self) -> Iterator[bytes]:
        """Yield the body from the beginning."""
        yield self._head
        with self._source.open() as opened:
            while piece := opened.read(_PIECE):
                yield piece
        yield self._tail


class Download:
    """A file that arrives; use it in a `with`, and iterate over its pieces or `save` it."""

    def __init__(self, transport: SyncTransport, call: Call[httpx.Response]) -> None:
        self._transport = transport
        self._call = call

    def __enter__(self) -> Self:
        self._response = self._transport.run(self._call)
        self.about = About.of(self._response)
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.iter_bytes(_PIECE)
        except httpx.TransportError as error:
            raise _cut(error) from error

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the file to a path, at once or not at all."""
        with _Arriving(path) as arriving:
            for piece in self:
                arriving.write(piece)
        return arriving.path


class AsyncDownload:
    """A file that arrives; use it in an `async with`, and iterate over its pieces or `save` it."""

    def __init__(self, transport: AsyncTransport, call: Call[httpx.Response]) -> None:
        self._transport = transport
        self._call = call

    async def __aenter__(self) -> Self:
        self._response = await self._transport.run(self._call)
        self.about = About.of(self._response)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._response.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.aiter_bytes(_PIECE):
                yield piece
        except httpx.TransportError as error:
            raise _cut(error) from error

    async def save(self, path: str | PathLike[str]) -> Path:
        """Write the file to a path, at once or not at all."""
        with _Arriving(path) as arriving:
            async for piece in self:
                await asyncio.to_thread(arriving.write, piece)
        return arriving.path


@dataclass(frozen=True)
class About:
    """What the API says about a file; `size` in bytes."""

    mimetype: str
    size: int | None
    filename: str | None

    @classmethod
    def of(cls, response: httpx.Response) -> About:
        """Read it from the headers of the answer."""
        length = response.headers.get("Content-Length", "")
        name = response.headers.get("Content-Disposition", "").partition(_NAMED)[2]
        return cls(
            mimetype=response.headers.get("Content-Type", "application/octet-stream"),
            size=int(length) if length.isdecimal() else None,
            filename=unquote(name) or None,
        )


@dataclass(frozen=True)
class DownloadRequest:
    """A download that either client can begin."""

    call: Call[httpx.Response]

    def sync(self, transport: SyncTransport) -> Download:
        """Return it for a client that blocks."""
        return Download(transport, self.call)

    def asynchronous(self, transport: AsyncTransport) -> AsyncDownload:
        """Return it for a client for asyncio."""
        return AsyncDownload(transport, self.call)


class _Arriving:
    """A file that has its name only when all of it is there."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.part")

    def __enter__(self) -> Self:
        self._opened = self._partial.open("xb")
        return self

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self._opened.write(piece)

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._opened.close()
        if error is None:
            self._partial.replace(self.path)
        else:
            self._partial.unlink()


def _source(file: File) -> _Source:
    if isinstance(file, bytes):
        content = file
        return _Source(lambda: io.BytesIO(content), len(content), replayable=True, name=None)
    if isinstance(file, (str, PathLike)):
        path = Path(file)
        return _Source(
            lambda: path.open("rb"), path.stat().st_size, replayable=True, name=path.name
        )
    return _open_source(file)


def _open_source(file: BinaryIO) -> _Source:
    """Return a source that reads an open file from where it is; it stays open."""
    name = getattr(file, "name", None)
    named = Path(name).name if isinstance(name, str) else None
    if not file.seekable():
        return _Source(lambda: nullcontext(file), None, replayable=False, name=named)
    start = file.tell()
    size = file.seek(0, io.SEEK_END) - start

    def opened() -> AbstractContextManager[BinaryIO]:
        file.seek(start)
        return nullcontext(file)

    return _Source(opened, size, replayable=True, name=named)


def _escaped(name: str) -> str:
    """Return a name as browsers write it into a form."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _cut(error: httpx.TransportError) -> NoAnswerError:
    return NoAnswerError(f"The file did not arrive whole: {error or type(error).__name__}")
