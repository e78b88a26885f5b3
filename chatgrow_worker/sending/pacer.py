"""Decide when the next message may go, from what really went: a restart never bursts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sessions.connections.pacing import DAY, NEW_CHATS_LIMITED, Pacing
from sessions.messages.model import Message


@dataclass(frozen=True)
class Pause:
    """A time before which no message may go, and why."""

    until: datetime
    reason: str


class SendHistory(Protocol):
    """What was sent, newest first; `PacedSends` is the real one."""

    async def nth_latest(self, n: int) -> datetime | None:
        """Return when the n-th latest send ended, or None when there were fewer."""

    async def new_chats_since(self, since: datetime) -> list[datetime]:
        """Return when each new chat since a time was opened, oldest first."""

    async def opens_chat(self, message: Message) -> bool:
        """Tell whether nothing was ever sent to a message's recipient, as far as one knows."""

    async def is_new_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether nothing was ever sent to this recipient, or to the chat that it is."""

    async def may_be_known(self, message: Message) -> bool:
        """Tell whether a number may be another spelling of a known chat's, as far as one sees."""


class Pacer:
    """Paces one connection.

    A send counts from the moment it has ended: then the distance to the next one is never shorter
    at WhatsApp than it is here.
    """

    def __init__(
        self,
        history: SendHistory,
        now: Callable[[], datetime],
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._history = history
        self._now = now
        self._spread = spread
        self._jitter: tuple[datetime, timedelta] | None = None

    async def pause(self, pacing: Pacing) -> Pause | None:
        """Return what holds the whole connection now, or None when a message may go."""
        last, windows = await self._counts(pacing)
        after = [] if last is None else [self._after(last, pacing)]
        return self._longest(pacing, [*windows, *after])

    async def pause_for_check(self, pacing: Pacing) -> Pause | None:
        """Return what holds a check of a number now.

        It is not seen by anybody, so it need not look like a person's: the pause after each
        message does not hold it, though the next message waits for that pause after it.
        """
        _, windows = await self._counts(pacing)
        return self._longest(pacing, windows)

    async def allowance(self, pacing: Pacing) -> Pause | None:
        """Return until when no chat may be opened, or None when one may."""
        if not pacing.enabled:
            return None
        opened = await self._history.new_chats_since(self._now() - DAY)
        if len(opened) < pacing.new_chats_per_day:
            return None
        first = opened[len(opened) - pacing.new_chats_per_day] if pacing.new_chats_per_day else None
        return Pause((first or self._now()) + DAY, NEW_CHATS_LIMITED)

    async def pause_for(self, message: Message, pacing: Pacing) -> Pause | None:
        """Return what holds this message alone: the allowance for chats that are new.

        A number that may be another spelling of a known chat's passes: WhatsApp tells which it is.
        """
        pause = await self.allowance(pacing)
        if pause is None or not await self._history.opens_chat(message):
            return None
        return None if await self._history.may_be_known(message) else pause

    async def pause_for_chat(self, to: str, chat_id: str, pacing: Pacing) -> Pause | None:
        """Return what holds a message that was let through, now that its chat is known."""
        pause = await self.allowance(pacing)
        return pause if pause and await self.opens_chat(to, chat_id) else None

    async def opens_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether a message that was let through is the first to its chat."""
        return await self._history.is_new_chat(to, chat_id)

    async def _counts(self, pacing: Pacing) -> tuple[datetime | None, list[Pause]]:
        """Return the last of the history and what its windows ask for, over or not."""
        last = await self._history.nth_latest(1) if pacing.enabled else None
        if last is None:
            return None, []
        pauses = []
        for window, limit, reason in pacing.windows:
            oldest = await self._history.nth_latest(limit)
            if oldest is not None:
                pauses.append(Pause(oldest + window, reason))
        return last, pauses

    def _longest(self, pacing: Pacing, pauses: list[Pause]) -> Pause | None:
        if not pacing.enabled:
            return None
        now = self._now()
        held = [each for each in (*pauses, *self._quiet(pacing, now)) if each.until > now]
        return max(held, key=lambda pause: pause.until, default=None)

    def _after(self, last: datetime, pacing: Pacing) -> Pause:
        """Hold for a random moment after the last send, drawn once for each."""
        if self._jitter is None or self._jitter[0] != last:
            self._jitter = (last, timedelta(seconds=self._spread(*pacing.jitter_seconds)))
        return Pause(last + self._jitter[1], "pause_between_messages")

    def _quiet(self, pacing: Pacing, now: datetime) -> list[Pause]:
        end = pacing.quiet_hours.end_after(now) if pacing.quiet_hours else None
        return [Pause(end, "quiet_hours")] if end else []
