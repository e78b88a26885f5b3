"""Run the relay in one worker of the fleet: after each event, and at a slow poll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from loguru import logger

from sessions.events.stream import STREAM_DOWN, EventStream, Position, PositionLostError
from sessions.storage.mongo import STORE_DOWN, brief
from sessions.storage.turns import Turns

if TYPE_CHECKING:
    from sessions.outgoing_events.relay import Relay
    from sessions.storage.mongo import Database

TURN = "relay"
TURN_LASTS = timedelta(seconds=15)
_LOOK_AGAIN_AFTER = timedelta(seconds=30)
"""How long documents are left alone whose events could not be built; their keys may come back."""
_PAUSE = timedelta(milliseconds=200)
"""The pause after a pass, in which more gathers: a few calls a second serve any number."""
_PAUSE_UNHEARD = timedelta(seconds=2)
"""The same while nobody has a webhook: events are only cleared away, which is not urgent."""


async def prepare_relay(
    database: Database, relay: Relay, holder: str, lasts: timedelta = TURN_LASTS
) -> Turns:
    """Create the indexes and the lease of the one process that relays; return the lease."""
    await relay.prepare()
    turns = Turns(database["claims"], holder, lasts)
    await turns.make(TURN)
    return turns


class Relaying:
    """Pass events on while this process holds the lease.

    The stream of events in Redis is the bell: whatever is to be told is published there too, after
    it was written. A bell that nobody hears costs the time until the next poll.
    """

    def __init__(
        self,
        relay: Relay,
        turns: Turns,
        bell: EventStream,
        count: Callable[[int], None],
        poll: timedelta,
    ) -> None:
        self._relay = relay
        self._turns = turns
        self._bell = bell
        self._count = count
        self._poll = poll
        self._look_again_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set."""
        tasks = [
            asyncio.create_task(self._keep_working(), name="relay works"),
            asyncio.create_task(stop.wait(), name="relay stops"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._leave()

    async def _keep_working(self) -> None:
        while True:
            await self._work()

    async def _work(self) -> None:
        """Relay what there is, then wait for more; outages only cost time."""
        heard = await self._end()
        try:
            await self._now_and_then()
            ours = await self._turns.take(TURN)
            if ours:
                await self._pass_all_on()
        except STORE_DOWN as error:
            logger.warning("Webhooks wait, MongoDB is away or refuses: {}", brief(error))
            ours = False
        except Exception:  # noqa: BLE001  whatever it is, it must not end the worker and its sends
            logger.exception("Webhooks wait: their events could not be taken")
            ours = False
        if ours:
            pause = _PAUSE if self._relay.is_heard else _PAUSE_UNHEARD
            await asyncio.sleep(pause.total_seconds())
            await self._wait_for_bell(heard)
        else:
            await asyncio.sleep(self._poll.total_seconds())

    async def _now_and_then(self) -> None:
        """Do what need not be done in each round."""
        if self._look_again_at <= time.monotonic():
            self._relay.look_again()
            await self._turns.make(TURN)  # the database may have been emptied
            self._look_again_at = time.monotonic() + _LOOK_AGAIN_AFTER.total_seconds()

    async def _pass_all_on(self) -> None:
        while told := await self._relay.pass_on():
            self._count(told)
            if not self._relay.may_have_more or not await self._turns.take(TURN):
                return  # what came meanwhile has rung

    async def _end(self) -> Position | None:
        try:
            return await self._bell.end()
        except STREAM_DOWN:
            return None

    async def _wait_for_bell(self, heard: Position | None) -> None:
        try:
            if heard is not None:
                await self._bell.wait_after(heard, 1, self._poll)
                return
        except PositionLostError:
            return
        except STREAM_DOWN as error:
            logger.debug("No bell for webhooks: {}", str(error) or "no answer")
        await asyncio.sleep(self._poll.total_seconds())

    async def _leave(self) -> None:
        try:
            await self._turns.give_back(TURN)
        except STORE_DOWN as error:
            logger.warning("Others relay only later, MongoDB is away: {}", brief(error))
