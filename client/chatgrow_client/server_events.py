"""Read a stream of server-sent events, in the text format of the HTML standard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")
"""A CR at the very end may be half of a CRLF."""


@dataclass(frozen=True)
class ServerEvent:
    """An event as it was dispatched."""

    id: str
    type: str
    data: str


class EventDecoder:
    """Turns the bytes of a stream into events; keeps the id of the last one over reconnections."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: timedelta | None = None
        """How long the server wants a client to wait before it connects again."""
        self.begin()

    def begin(self) -> None:
        """Begin with a new connection; an event that was cut off is dropped."""
        self._rest = b""
        self._type = ""
        self._data: list[str] = []
        self._id = self.last_id

    def feed(self, piece: bytes) -> Iterator[ServerEvent]:
        """Yield the events that a piece completes; `last_id` is that of the last one yielded."""
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        for line in lines:
            if line:
                self._take(line.decode("utf-8", "replace"))
            elif event := self._dispatch():
                yield event

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry = timedelta(milliseconds=int(value))

    def _dispatch(self) -> ServerEvent | None:
        self.last_id = self._id
        event = ServerEvent(self._id, self._type or "message", "\n".join(self._data))
        told, self._data, self._type = bool(self._data), [], ""
        return event if told else None
