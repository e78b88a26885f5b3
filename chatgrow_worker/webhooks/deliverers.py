"""The webhooks that this worker serves now, each in a task of its own and under its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loguru import logger

from chatgrow_worker.waiting import happens
from sessions.storage.mongo import STORE_DOWN, brief

if TYPE_CHECKING:
    from chatgrow_worker.webhooks.delivering import Delivering
    from sessions.storage.turns import Turns
    from sessions.webhooks.store import WebhookStore

TURN_LASTS = timedelta(seconds=45)
"""Longer than a try may take, with its record."""
_RENEW_EVERY = timedelta(seconds=15)
_AT_ONCE = 100
"""How many webhooks one worker serves at a time; slow ones leave room for the others."""
_SWEEP_EVERY = timedelta(seconds=5)


class Deliverers:
    """Serve webhooks: those that a job names, and those that a sweep finds."""

    def __init__(
        self,
        delivering: Delivering,
        webhooks: WebhookStore,
        turns: Turns,
        call_again: Callable[[str, datetime], Awaitable[None]],
        sweep_every: timedelta = _SWEEP_EVERY,
    ) -> None:
        self._delivering = delivering
        self._webhooks = webhooks
        self._turns = turns
        self._call_again = call_again
        self._sweep_every = sweep_every
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        """Webhooks named while they were served: work may have come at the last moment."""
        self._closed = False

    def start(self, webhook_id: str) -> None:
        """Serve a webhook; where there is no room, the sweep comes back to it."""
        if webhook_id in self._running:
            self._again.add(webhook_id)
        elif not self._closed and len(self._running) < _AT_ONCE:
            task = asyncio.create_task(self._serve(webhook_id), name=f"webhook {webhook_id}")
            self._running[webhook_id] = task
            task.add_done_callback(lambda _: self._ended(webhook_id))

    def _ended(self, webhook_id: str) -> None:
        del self._running[webhook_id]
        if webhook_id in self._again:
            self._again.remove(webhook_id)
            self.start(webhook_id)

    async def sweep(self, stop: asyncio.Event) -> None:
        """Find webhooks with work until `stop`: their jobs were lost, or their workers died."""
        while not await happens(stop, self._sweep_every):
            try:
                for webhook_id in await self._webhooks.with_work(_AT_ONCE * 2, self._turns):
                    if webhook_id not in self._running:
                        self.start(webhook_id)
            except STORE_DOWN as error:
                logger.warning("Webhooks wait, MongoDB is away or refuses: {}", brief(error))
        await self._close()

    async def _close(self) -> None:
        """Break off what is under way; whoever serves the webhook next repeats it."""
        self._closed = True
        running = [*self._running.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _serve(self, webhook_id: str) -> None:
        try:
            if not await self._turns.take(webhook_id):
                return
            try:
                until = await self._while_ours(webhook_id)
            finally:
                await self._turns.give_back(webhook_id)
            if until is not None:
                await self._call_again(webhook_id, until)
        except STORE_DOWN as error:
            logger.warning("Webhook {} waits, MongoDB is away: {}", webhook_id, brief(error))
        except Exception:  # noqa: BLE001  one webhook must not end the worker
            logger.exception("Webhook {} could not be served; the sweep tries again", webhook_id)

    async def _while_ours(self, webhook_id: str) -> datetime | None:
        """Deliver while the lease is renewed; stop when it is lost."""
        delivering = asyncio.create_task(self._delivering.deliver_all(webhook_id))
        try:
            while True:
                done, _ = await asyncio.wait([delivering], timeout=_RENEW_EVERY.total_seconds())
                if done:
                    return delivering.result()
                if not await self._turns.take(webhook_id):
                    logger.warning("Webhook {} is served by another worker now", webhook_id)
                    return None
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
