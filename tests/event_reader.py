"""Read server-sent events as a browser does."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_PATIENCE = timedelta(seconds=20)


@dataclass(frozen=True)
class Received:
    """One event as it was dispatched."""

    id: str
    type: str
    data: dict[str, Any]


class EventReader:
    """The client's end of a stream of events."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.last_id = ""
        self.comments = 0
        self._fields: dict[str, str] = {}

    async def next(self) -> Received:
        """Return the next event; raise EOFError when the stream has ended."""
        while True:
            event = await self._step()
            if event is not None:
                return event

    async def take(self, count: int) -> list[Received]:
        """Return the next events."""
        return [await self.next() for _ in range(count)]

    async def until(self, type_: str, **data: object) -> list[Received]:
        """Return the next events up to the first that is of a type and carries this data."""
        found = [await self.next()]
        while found[-1].type != type_ or not data.items() <= found[-1].data.items():
            found.append(await self.next())
        return found

    async def until_marked(self) -> str:
        """Return the id from which this client would go on, once it has one."""
        while not self.last_id:
            assert await self._step() is None, "an event came first"
        return self.last_id

    async def until_place(self, place: str) -> None:
        """Wait until this client would go on from there; no event may come before."""
        while self.last_id != place:
            assert await self._step() is None, "an event came first"

    async def until_ended(self) -> list[Received]:
        """Return what comes until the stream ends in order."""
        found = []
        with suppress(EOFError):
            while True:
                found.append(await self.next())
        return found

    async def _step(self) -> Received | None:
        """Read one line; return the event that it completes."""
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            raw = await self.response.content.readline()
        if not raw:
            raise EOFError
        line = raw.decode().removesuffix("\n")
        if not line:
            return self._dispatched()
        if line.startswith(":"):
            self.comments += 1
        else:
            name, _, value = line.partition(": ")
            self._fields[name] = value
        return None

    def _dispatched(self) -> Received | None:
        fields, self._fields = self._fields, {}
        self.last_id = fields.get("id", self.last_id)
        if "data" not in fields:
            return None
        return Received(self.last_id, fields["event"], json.loads(fields["data"]))
