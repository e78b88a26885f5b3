"""Receive a file piece by piece: the whole body, or the first file of a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

from aiohttp import BodyPartReader, hdrs, web

from control_api.http.bodies import BODY_TIMEOUT, may_send
from control_api.http.problems import MalformedBodyError, SlowBodyError

_PIECE = 64 * 1024
_SLOWEST = 64 * 1024
"""Bytes in a second that an upload must have on average, after the time for any body."""
_FORM = "multipart/form-data"
_FORM_OVERHEAD = 64 * 1024
_LONGEST_NAME = 255
Result = TypeVar("Result")


@dataclass(frozen=True)
class Upload:
    """A file that arrives: what its sender says about it, and its content."""

    filename: str | None
    content_type: str | None
    content: AsyncIterator[bytes]


async def receive_file(request: web.Request, largest: int) -> Upload:
    """Begin to receive a file; one whose request says that it is larger is refused unread.

    Raises HTTPRequestEntityTooLarge, MalformedBodyError and SlowBodyError, also while the content
    is read.
    """
    if (request.content_length or 0) > largest + _FORM_OVERHEAD:
        raise web.HTTPRequestEntityTooLarge(largest)
    pace = _Pace(request)
    await may_send(request)
    if request.content_type != _FORM:
        return Upload(None, request.headers.get(hdrs.CONTENT_TYPE), _body(request, pace))
    part = await pace.keep(lambda: _file_of(request))
    filename = safe_name(part.filename)
    return Upload(filename, part.headers.get(hdrs.CONTENT_TYPE), _part(part, pace))


def safe_name(name: str | None) -> str | None:
    """Return the last part of a file's name, without what could be a path or is not printable."""
    last = unquote(name or "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(each for each in last if each.isprintable()).strip(" .")
    return shown[-_LONGEST_NAME:] or None


class _Pace:
    """Refuse a sender that is slower than `_SLOWEST`."""

    def __init__(self, request: web.Request) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + request.app[BODY_TIMEOUT].total_seconds()

    def received(self, size: int) -> None:
        """Allow more time for the rest."""
        self._until += size / _SLOWEST

    async def keep(self, read: Callable[[], Awaitable[Result]]) -> Result:
        """Read something in time; raise SlowBodyError or MalformedBodyError."""
        try:
            async with asyncio.timeout_at(self._until):
                return await read()
        except TimeoutError as error:
            raise SlowBodyError("The body did not arrive in time.") from error
        except (web.RequestPayloadError, ConnectionError, ValueError) as error:
            raise MalformedBodyError("The body ended early, or is not encoded as it says.") from (
                error
            )


async def _file_of(request: web.Request) -> BodyPartReader:
    """Return the first part of a form that is a file or is called `file`."""
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and (part.filename or part.name == "file"):
            return part
    raise MalformedBodyError("The form has no file in it.")


async def _body(request: web.Request, pace: _Pace) -> AsyncIterator[bytes]:
    while piece := await pace.keep(lambda: request.content.read(_PIECE)):
        pace.received(len(piece))
        yield piece


async def _part(part: BodyPartReader, pace: _Pace) -> AsyncIterator[bytes]:
    while piece := await pace.keep(lambda: part.read_chunk(_PIECE)):
        pace.received(len(piece))
        yield piece
