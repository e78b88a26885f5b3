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
    """What was sent, newest first; the outbox is the real one."""

    async def nth_latest(self, connection: str, n: int) -> datetime | None:
        """Return when the n-th latest send ended, or None when there were fewer."""

    async def opens_chat(self, message: Message) -> bool:
        """Tell whether nothing was ever sent to a message's recipient, as far as one knows."""

    async def is_new_chat(self, connection: str, to: str, chat_id: str) -> bool:
        """Tell whether nothing was ever sent to this recipient, or to the chat that it is."""

    async def may_be_known(self, message: Message) -> bool:
        """Tell whether a number may be another spelling of a known chat's, as far as one sees."""

    async def new_chats_since(self, connection: str, since: datetime) -> list[datetime]:
        """Return when each new chat since a time was opened, oldest first."""


class Pacer:
    """Paces one connection.

    A send counts from the moment it has ended: then the distance to the next one is never shorter
    at WhatsApp than it is here.
    """

    def __init__(
        self,
        history: SendHistory,
        connection: str,
        now: Callable[[], datetime],
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._history = history
        self._connection = connection
        self._now = now
        self._spread = spread
        self._jitter: tuple[datetime, timedelta] | None = None
        self._counted: tuple[Pacing, datetime, list[Pause]] | None = None
        self._asked: tuple[str, str, bool] | None = None
        """A recipient, its chat, and whether that is new, as it was looked up last."""

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

    def let_through(self) -> None:
        """Count anew at the next look, even if the message takes no time at all."""
        self._counted = None

    async def pause_for(self, message: Message, pacing: Pacing) -> Pause | None:
        """Return what holds this message alone: the allowance for chats that are new.

        A number that may be another spelling of a known chat's passes: WhatsApp tells which it is.
        """
        self._asked = None
        if not pacing.enabled:
            return None
        is_new = await self._history.opens_chat(message)
        self._asked = (message.to, message.to, is_new)
        pause = await self._allowance(pacing) if is_new else None
        if pause and await self._history.may_be_known(message):
            return None
        return pause

    async def pause_for_chat(self, to: str, chat_id: str, pacing: Pacing) -> Pause | None:
        """Return what holds a message that was let through, now that its chat is known."""
        if not pacing.enabled or not await self._is_new(to, chat_id):
            return None
        return await self._allowance(pacing)

    async def _allowance(self, pacing: Pacing) -> Pause | None:
        """Return until when no chat may be opened, or None when one may."""
        opened = await self._history.new_chats_since(self._connection, self._now() - DAY)
        if len(opened) < pacing.new_chats_per_day:
            return None
        first = opened[len(opened) - pacing.new_chats_per_day] if pacing.new_chats_per_day else None
        return Pause((first or self._now()) + DAY, NEW_CHATS_LIMITED)

    async def opens_chat(self, to: str, chat_id: str) -> bool:
        """Tell whether a message that was let through is the first to its chat.

        WhatsApp may have answered meanwhile that the recipient is a chat that is known.
        """
        is_new = await self._is_new(to, chat_id)
        self._asked = None
        return is_new

    async def _is_new(self, to: str, chat_id: str) -> bool:
        """Look up whether a chat is new, unless that was just done."""
        match self._asked:
            case (str(of), str(chat), bool(is_new)) if of == to and (not is_new or chat == chat_id):
                return is_new
        is_new = await self._history.is_new_chat(self._connection, to, chat_id)
        self._asked = (to, chat_id, is_new)
        return is_new

    async def _counts(self, pacing: Pacing) -> tuple[datetime | None, list[Pause]]:
        """Return the last of the history and what its windows ask for, over or not.

        They are counted once until the history grows.
        """
        if not pacing.enabled:
            return None, []
        last = await self._history.nth_latest(self._connection, 1)
        if last is None:
            return None, []
        if self._counted is None or self._counted[:2] != (pacing, last):
            self._counted = (pacing, last, await self._count(pacing))
        return last, self._counted[2]

    async def _count(self, pacing: Pacing) -> list[Pause]:
        pauses = []
        for window, limit, reason in pacing.windows:
            oldest = await self._history.nth_latest(self._connection, limit)
            if oldest is not None:
                pauses.append(Pause(oldest + window, reason))
        return pauses

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
