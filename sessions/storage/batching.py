"""Answer requests that arrive at the same time with one query."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from sessions.storage.mongo import NO_ANSWER

Asked = TypeVar("Asked")
Found = TypeVar("Found")

Ask = Callable[[Sequence[Asked]], Awaitable[Sequence[Found | Exception]]]


class BatchedLookup(Generic[Asked, Found]):
    """Collect requests while a query is running, and send them together in the next query.

    A single request is sent at once. `ask` returns the answers in the order of the requests; an
    exception among them is raised to that caller only. If `ask` itself raises, each request is sent
    again alone, so that one bad request does not fail the others; but not if MongoDB is away, when
    all of them would fail slowly. A cancelled caller does not cancel the query of the others.
    """

    def __init__(self, ask: Ask[Asked, Found], at_most: int = 100) -> None:
        self._ask = ask
        self._at_most = at_most
        self._waiting: list[tuple[Asked, asyncio.Future[Found]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, asked: Asked) -> Found:
        """Return the answer to this request; raise its error."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._asking is None:
            # An empty context: its log lines do not belong to the first caller alone.
            self._asking = asyncio.create_task(self._run(), name="batch", context=Context())
        return await answer

    async def _run(self) -> None:
        try:
            while batch := self._waiting[: self._at_most]:
                del self._waiting[: len(batch)]
                await self._answer(batch)
        finally:
            self._asking = None

    async def _answer(self, batch: list[tuple[Asked, asyncio.Future[Found]]]) -> None:
        try:
            found = await self._find([asked for asked, _ in batch])
        except BaseException:
            for _, answer in batch:
                answer.cancel()
            raise
        for (_, answer), each in zip(batch, found, strict=True):
            if answer.done():
                continue
            if isinstance(each, Exception):
                answer.set_exception(each)
            else:
                answer.set_result(each)

    async def _find(self, asked: Sequence[Asked]) -> Sequence[Found | Exception]:
        try:
            return await self._ask(asked)
        except NO_ANSWER as error:
            return [error] * len(asked)
        except Exception as error:  # noqa: BLE001 - it is raised to whoever asked
            if len(asked) == 1:
                return [error]
            return [found for each in asked for found in await self._find([each])]
