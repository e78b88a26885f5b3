"""Find the chat of a recipient by asking WhatsApp which account a number belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chatgrow_worker.sending.known_chats import KnownChats
from sessions.recipients.known_numbers import NumbersOfOwner

_PHONE_NUMBER = "@c.us"


class NumberPage(Protocol):
    """What the check needs of a page; `WhatsAppPage` is the real one."""

    async def account_of(self, chat_id: str) -> str | None:
        """Return the id of a number's account, or None if it is not on WhatsApp."""


@dataclass(frozen=True)
class Denial:
    """WhatsApp says that it has no such account.

    `until` is when to ask once more, or None if the answer is final. `asked` says that WhatsApp
    was asked now, which counts for the pace.
    """

    until: datetime | None
    asked: bool


class RecipientCheck:
    """Ask WhatsApp at most once a day for each number, since asking for many gets a number banned.

    A message fails only after WhatsApp has denied its number twice, some time apart, because a
    line that is about to break may give wrong answers.
    """

    def __init__(
        self, page: NumberPage, numbers: NumbersOfOwner, chats: KnownChats, recheck: timedelta
    ) -> None:
        self._page = page
        self._numbers = numbers
        self._chats = chats
        self._recheck = recheck

    async def find(self, to: str) -> str | Denial:
        """Return the chat of a recipient; raise PageCallError if WhatsApp cannot be asked."""
        if not to.endswith(_PHONE_NUMBER):
            return to
        if (chat_id := self._chats.of(to)) is not None:
            return chat_id
        known = await self._numbers.find(to)
        if known.exists is not None or known.ask_again_at is not None:
            return known.chat_id or Denial(known.ask_again_at, asked=False)
        return await self._ask(to)

    async def deny(self, to: str) -> Denial:
        """Record that WhatsApp denies a number or cannot write to it; a second time is final."""
        return Denial(await self._numbers.deny(to, self._recheck), asked=True)

    async def _ask(self, to: str) -> str | Denial:
        chat_id = await self._page.account_of(to)
        if chat_id is None:
            return await self.deny(to)
        await self._numbers.remember(to, chat_id)
        return chat_id
