"""Speak with one page over its WebSocket: frames in, answers and pushes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import WSMsgType, web

Frame = dict[str, Any]
Handler = Callable[["PageSocket", Frame], Awaitable[Any]]


class OpError(Exception):
    """What the page asked for is refused; the code and the text travel to the page."""

    def __init__(self, code: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.more = more


class DropConnection(Exception):  # noqa: N818 - an order, not an error
    """Cut this connection without an answer, as a broken network does."""


class PageSocket:
    """One connected page. It is nobody until it has proved a login."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        transport: asyncio.WriteTransport | None,
        handlers: Mapping[str, Handler],
    ) -> None:
        self._ws = ws
        self._transport = transport
        self._handlers = handlers
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False
        self.number: str | None = None
        self.device_id: str | None = None
        self.claimed: str | None = None
        self.challenge: bytes | None = None
        self.proved: str | None = None

    async def run(self) -> None:
        """Serve frames until the connection ends. What was begun is finished, not cancelled."""
        async for message in self._ws:
            if message.type is WSMsgType.TEXT and not self._ended:
                self._spawn(json.loads(message.data))

    async def push(self, kind: str, /, **fields: Any) -> bool:
        """Send something that the page did not ask for; False when it could not be sent."""
        return await self._send({"push": kind, **fields})

    async def drop(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    async def cancel(self) -> None:
        """End whatever is still being done for this page, and begin nothing more."""
        self._ended = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, frame: Frame) -> None:
        task = asyncio.create_task(self._serve(frame), name=f"whatsapp-web-{frame.get('op')}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, frame: Frame) -> None:
        try:
            answer = await self._answer(frame)
        except DropConnection:
            await self.drop()
            return
        if answer is not None:
            await self._send({"r": frame["n"], **answer})

    async def _answer(self, frame: Frame) -> Frame | None:
        handler = self._handlers.get(str(frame.get("op")))
        if handler is None:
            return {"error": {"code": 405, "text": f"unknown: {frame.get('op')}"}}
        try:
            return {"value": await handler(self, frame)}
        except OpError as error:
            return {"error": {"code": error.code, "text": error.text, **error.more}}
        except ConnectionError:
            return None

    async def _send(self, frame: Frame) -> bool:
        if self._ws.closed:
            return False
        try:
            await self._ws.send_str(json.dumps(frame))
        except (ConnectionError, RuntimeError):
            return False
        return True
