"""Send several messages in turn, with one call and one write for each step of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from typing import Protocol

from loguru import logger

from chatgrow_worker.page.errors import LineDeadError, PageCallError
from chatgrow_worker.page.snapshot import Outcome
from sessions.burst_queue import BurstQueue
from sessions.leases import Lease
from sessions.messages import Message

_WITHIN = timedelta(seconds=1)
"""No send begins later than this: the lease was checked before the first one."""
_AIM = _WITHIN / 2
_AT_MOST = 16


class BurstPage(Protocol):
    """What a burst asks of a page; `WhatsAppPage` is the real one."""

    async def prepare_all(self, chat_ids: Sequence[str]) -> list[str]:
        """Return a new message key for each chat, in their order."""

    async def send_in_turn(
        self, sends: Sequence[tuple[str, str, str]], within: timedelta
    ) -> list[Outcome]:
        """Send texts by (key, chat, text), each when the one before has gone well."""

    async def take_back(self, keys: Sequence[str]) -> list[str]:
        """Keep sends that wait for their turn from being begun; return the keys of those."""


@dataclass(frozen=True)
class BurstEnd:
    """What was recorded as sent, and what was begun and is not decided, with its key."""

    sent: list[Message] = field(default_factory=list)
    begun: list[tuple[Message, str]] = field(default_factory=list)


class Burst:
    """Sends what was claimed together; what does not come to its turn goes back to its place.

    In order, like single sends: the first that does not go well ends it.
    """

    def __init__(
        self, page: BurstPage, queue: BurstQueue, lease: Lease, check_lease: Callable[[], None]
    ) -> None:
        self._page = page
        self._queue = queue
        self._lease = lease
        self._check_lease = check_lease
        self.limit = 1

    def pace(self, sent: int, took: timedelta) -> None:
        """Set `limit` to what goes in half of a burst's time, as fast as the last ones went."""
        aim = _AIM * sent // max(took, timedelta(milliseconds=1))
        self.limit = max(1, min(aim, _AT_MOST))

    async def send(self, messages: Sequence[Message], chats: Sequence[str]) -> BurstEnd:
        """Prepare, write down, send to these chats and record; raise what single sends raise."""
        try:
            keys = await self._page.prepare_all(chats)
        except PageCallError as error:
            logger.debug("Not prepared together, so one by one: {}", error)
            await self._queue.put_back(self._lease, messages)
            return BurstEnd()
        await self._queue.write_down(self._lease, messages, keys, chats)
        self._check_lease()
        messages = [
            each.model_copy(update={"chat_id": chat})
            for each, chat in zip(messages, chats, strict=True)
        ]
        sends = [(key, each.chat, each.text) for key, each in zip(keys, messages, strict=True)]
        try:
            outcomes = await self._page.send_in_turn(sends, _WITHIN)
        except LineDeadError:  # it looks at its line first, so none has begun
            await self._queue.put_back(self._lease, messages)
            raise
        well = len([*takewhile(lambda outcome: outcome.went_well, outcomes)])
        sent = await self._queue.settle_sent(self._lease, messages[:well])
        return BurstEnd(sent, await self._break_off(messages[well:], keys[well:]))

    async def _break_off(
        self, messages: Sequence[Message], keys: Sequence[str]
    ) -> list[tuple[Message, str]]:
        """Put back what has not begun, and return the rest."""
        if not messages:
            return []
        waiting = set(await self._page.take_back(keys))
        left = [*zip(messages, keys, strict=True)]
        await self._queue.put_back(self._lease, [each for each, key in left if key in waiting])
        return [(each, key) for each, key in left if key not in waiting]
