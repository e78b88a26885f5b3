"""Bodies of requests: JSON, and files that are read piece by piece while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Protocol


class Content(Protocol):
    """A body that can be sent by a sync and by an async client."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that describe it."""

    @property
    def replayable(self) -> bool:
        """Whether it can be sent again."""

    def pieces(self) -> bytes | Iterator[bytes]:
        """Return all of it, or an iterator of its pieces from the beginning."""


class JsonContent:
    """A JSON text, the same bytes in each try."""

    headers: Mapping[str, str] = {"Content-Type": "application/json"}
    replayable = True

    def __init__(self, text: bytes) -> None:
        self._text = text

    def pieces(self) -> bytes:
        """Return the text."""
        return self._text


class TextContent(JsonContent):
    """A text of another type, such as CSV."""

    def __init__(self, text: str, media_type: str) -> None:
        super().__init__(text.encode())
        self.headers = {"Content-Type": f"{media_type}; charset=utf-8"}


async def in_a_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces, each of them read in a thread, so that a slow disk blocks nobody else."""
    end = b""
    while piece := await asyncio.to_thread(next, pieces, end):
        yield piece
