"""Ask once for all who want to know at the same time."""

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
    """Gathers what is asked while an earlier question is under way, and asks it in one.

    Nobody waits for company: a lone caller asks at once. `ask` answers in the order of what it was
    given; an exception among its answers is raised to that caller. When it raises one itself, each
    is asked again alone, so that only whoever asked what cannot be answered hears of it; but while
    MongoDB is away that would take long and help nobody. A caller that is cancelled leaves the
    others' question alone.
    """

    def __init__(self, ask: Ask[Asked, Found], at_most: int = 100) -> None:
        self._ask = ask
        self._at_most = at_most
        self._waiting: list[tuple[Asked, asyncio.Future[Found]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, asked: Asked) -> Found:
        """Return the answer to this question; raise what was found in its place."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._asking is None:
            # In no context: what it logs does not belong to the first caller alone.
            self._asking = asyncio.create_task(self._run(), name="together", context=Context())
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
