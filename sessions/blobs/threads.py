"""Leave no work behind: what runs in a thread is waited for, even by a task that is cancelled."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Awaitable
from contextlib import suppress
from typing import BinaryIO, TypeVar

Result = TypeVar("Result")


class StoppedError(Exception):
    """The work was stopped because nobody waits for it any more."""


class Stop:
    """Tells work in a thread that it shall end."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to end at its next step."""
        self._event.set()

    def check(self) -> None:
        """Raise StoppedError when the work shall end."""
        if self._event.is_set():
            raise StoppedError


async def to_the_end(work: Awaitable[Result], stop: Stop | None = None) -> Result:
    """Await the work; a cancellation is passed on only when the work has ended.

    Neither a thread nor a call of Motor, which is one, ends when what awaits it is cancelled: it
    would go on writing to a file that is closed, or store what nobody knows of.
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if stop is not None:
            stop.set()
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # looked at, so that asyncio does not complain
        raise


class Sink:
    """Writes to a file, counts and hashes on the way."""

    def __init__(self, stop: Stop, file: BinaryIO | None = None) -> None:
        self._file = file
        self._stop = stop
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        """Take the data; raise StoppedError when nobody waits for it any more."""
        self._stop.check()
        self._hash.update(data)
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """The hash of what was written."""
        return self._hash.hexdigest()


class Source:
    """Reads from a file for as long as somebody waits for it."""

    def __init__(self, stop: Stop, file: BinaryIO) -> None:
        self._file = file
        self._stop = stop

    def read(self, size: int = -1, /) -> bytes:
        """Return what comes next; raise StoppedError when nobody waits for it any more."""
        self._stop.check()
        return self._file.read(size)
