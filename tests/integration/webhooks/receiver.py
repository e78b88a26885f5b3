"""A receiver of webhooks: a real server on loopback, which answers as a test wants."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook as Verifier

from tests.ports import LOOPBACK

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Got:
    """A request that came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id of its event."""
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """Return the event; raise WebhookVerificationError unless this secret has signed it."""
        return Verifier(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """A running receiver: it answers with the next of `answers`, then with `usually`."""

    url: str
    got: list[Got] = field(default_factory=list)
    answers: deque[Behaviour] = field(default_factory=deque)
    usually: Behaviour = lambda _: taken()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Note a request and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Got(headers, await request.read()))
        behaviour = self.answers.popleft() if self.answers else self.usually
        return await behaviour(request)


async def taken() -> web.Response:
    """Answer that all is well."""
    return web.Response(status=204)


def status(code: int, text: str = "", **headers: str) -> Behaviour:
    """Answer with this status."""

    async def behave(_: web.Request) -> web.Response:
        return web.Response(status=code, text=text, headers=headers)

    return behave


async def hangs(_: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.Event().wait()
    return web.Response()


async def floods(request: web.Request) -> web.StreamResponse:
    """Answer 200 with a body without end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 4096)


async def drips(request: web.Request) -> web.StreamResponse:
    """Answer 200 with the beginning of a body that never goes on."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"slowly")
    await asyncio.Event().wait()
    return response


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    app, receiver = web.Application(), Receiver("")
    app.router.add_post("/{rest:.*}", receiver.answer)
    server = TestServer(app, host=LOOPBACK, shutdown_timeout=0.1)
    await server.start_server()
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        await server.close()
