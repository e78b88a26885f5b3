"""A receiver of webhooks that goes away, fails and is slow; and what it must have been told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from tests.ports import LOOPBACK, free_port

_SLOW_SECONDS = 2


class Receiver:
    """One URL; what it has accepted is known by the ids of the events."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"http://{LOOPBACK}:{self._port}/hook"
        self.secret = ""
        self.status = 204
        self.slow = False
        self._runner: web.AppRunner | None = None
        self._events: dict[str, dict[str, Any]] = {}
        self.repeats = 0
        self.changed: list[str] = []
        """The ids under which two different events came."""

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self._port, reuse_address=True).start()

    async def stop(self) -> None:
        """Refuse connections, and cut those that there are."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        event = Webhook(self.secret).verify(await request.read(), dict(request.headers))
        if self.slow:
            await asyncio.sleep(_SLOW_SECONDS)
        if self.status == 204:
            self._note(request.headers["webhook-id"], event)
        return web.Response(status=self.status)

    def _note(self, event_id: str, event: dict[str, Any]) -> None:
        known = self._events.setdefault(event_id, event)
        self.repeats += known is not event
        if known != event:
            self.changed.append(event_id)

    def ids_of(self, kind: str) -> dict[str, list[str]]:
        """Return the ids of the events of a type, by the message that each tells of."""
        ids = defaultdict(list)
        for event_id, event in self._events.items():
            if event["type"] == kind:
                ids[event["data"]["messageId"]].append(event_id)
        return ids

    def missing(self, received: Iterable[str], sent: dict[str, str]) -> list[str]:
        """Return what was not told: received messages, and the last status of sent ones."""
        heard = self.ids_of("message.received")
        told = {
            (event["data"]["messageId"], event["data"]["status"])
            for event in self._events.values()
            if event["type"] == "message.status"
        }
        return [
            *(f"received {each}" for each in received if each not in heard),
            *(f"{each} is {status}" for each, status in sent.items() if (each, status) not in told),
        ]

    def told_twice(self) -> list[str]:
        """Return the received messages of which two events tell."""
        return [each for each, ids in self.ids_of("message.received").items() if len(ids) > 1]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    running = Receiver()
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
