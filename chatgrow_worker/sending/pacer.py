"""Decide when the next message may go, from what was really sent, so that restarts never burst."""

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
        """Tell whether a message would open a new chat, as far as stored messages show."""

    async def is_new_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether no stored message went to this recipient or its chat."""

    async def may_be_known(self, message: Message) -> bool:
        """Tell whether a number may be another spelling of the number of a known chat."""


class Pacer:
    """Pace one connection.

    A send counts from the moment it has ended, so that WhatsApp never sees a shorter pause between
    two messages than the one required here.
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
        """Return what holds all messages of the connection back, or None if one may go."""
        last, windows = await self._counts(pacing)
        after = [] if last is None else [self._after(last, pacing)]
        return self._longest(pacing, [*windows, *after])

    async def pause_for_check(self, pacing: Pacing) -> Pause | None:
        """Return what holds a number check back now.

        Nobody sees a check, so it need not wait for the pause after each message. The next message
        does wait for that pause after a check.
        """
        _, windows = await self._counts(pacing)
        return self._longest(pacing, windows)

    async def allowance(self, pacing: Pacing) -> Pause | None:
        """Return until when no new chat may be opened, or None if one may."""
        if not pacing.enabled:
            return None
        opened = await self._history.new_chats_since(self._now() - DAY)
        if len(opened) < pacing.new_chats_per_day:
            return None
        first = opened[len(opened) - pacing.new_chats_per_day] if pacing.new_chats_per_day else None
        return Pause((first or self._now()) + DAY, NEW_CHATS_LIMITED)

    async def pause_for(self, message: Message, pacing: Pacing) -> Pause | None:
        """Return what holds only this message back: the limit for new chats.

        A number that may be another spelling of a known chat's number is not held back, since
        WhatsApp will answer which chat it is.
        """
        pause = await self.allowance(pacing)
        if pause is None or not await self._history.opens_chat(message):
            return None
        return None if await self._history.may_be_known(message) else pause

    async def pause_for_chat(self, to: str, chat_id: str, pacing: Pacing) -> Pause | None:
        """Return what holds a claimed message back, now that its chat is known."""
        pause = await self.allowance(pacing)
        return pause if pause and await self.opens_chat(to, chat_id) else None

    async def opens_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether a claimed message is the first to its chat."""
        return await self._history.is_new_chat(to, chat_id)

    async def _counts(self, pacing: Pacing) -> tuple[datetime | None, list[Pause]]:
        """Return when the last send ended, and the pauses of all windows, past ones too."""
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
        """Return the random pause after the last send, drawn once for each send."""
        if self._jitter is None or self._jitter[0] != last:
            self._jitter = (last, timedelta(seconds=self._spread(*pacing.jitter_seconds)))
        return Pause(last + self._jitter[1], "pause_between_messages")

    def _quiet(self, pacing: Pacing, now: datetime) -> list[Pause]:
        end = pacing.quiet_hours.end_after(now) if pacing.quiet_hours else None
        return [Pause(end, "quiet_hours")] if end else []
