"""What sending needs of a page."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from chatgrow_worker.page.files import OutgoingFile
from chatgrow_worker.page.snapshot import LookUp, Outcome
from chatgrow_worker.sending.recipient_check import NumberPage
from sessions.messages.content import Content


class SendingPage(NumberPage, Protocol):
    """What sending needs of a page; `WhatsAppPage` is the real one."""

    async def prepare(self, chat_id: str, typing: timedelta) -> str:
        """Return a new message key for the chat, and begin to show "typing" there for a while."""

    async def show_typing(self, chat_id: str, span: timedelta) -> bool:
        """Show "typing" for this long, if `prepare` has not begun it; tell whether it is shown."""

    async def send(
        self,
        key: str,
        chat_id: str,
        content: Content,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        """Start sending under a key; `refers_to` is the key of a message that it is about."""

    async def resend(
        self,
        key: str,
        chat_id: str,
        content: Content | None = None,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        """Start sending a message again that the page has stored, under the same id."""

    async def outcome(self, key: str) -> Outcome:
        """Return the state of a send that was started."""

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        """Look a message up by its key."""

    async def has_line(self) -> bool:
        """Tell whether the page has a line to WhatsApp."""
