"""A page double for the dispatcher: WhatsApp's rules for ids, without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from chatgrow_worker.page.errors import LineDeadError, PageCallError
from chatgrow_worker.page.files import OutgoingFile
from chatgrow_worker.page.snapshot import AckUpdate, CallFailure, LookUp, Outcome
from sessions.messages.content import ACTIONS, Content, Text

US = "972501111111@c.us"
"""The id with which the page reacts."""


@dataclass
class FakePage:
    """Keeps what was sent by key; `refuse`, `hold` and `forget` make it fail as the real one does.

    Like the real one it never sends the same key twice. `accounts` are numbers whose account has
    another id than they have; what goes to their own ids is in `lost`.
    """

    registered: Callable[[str], bool] = lambda _chat: True
    accounts: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    errors: dict[str, PageCallError] = field(default_factory=dict)
    delivered: list[tuple[str, str]] = field(default_factory=list)
    stored: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    held: bool = False
    line: bool = True
    turned_away: int = 0
    resent: list[str] = field(default_factory=list)
    fail_prepare: int = 0
    fail_look_ups: int = 0
    fail_registered: int = 0
    throws: int = 0
    odd: set[str] = field(default_factory=set)
    """Texts at which the page breaks."""
    refused: str | None = None
    nack: int | None = None
    restricted: str | None = None
    typing_fails: Exception | None = None
    typing_shows: bool = False
    refuse_resent: bool = False
    typed: list[timedelta] = field(default_factory=list)
    lose_next_send: bool = False
    before_send: Callable[[str], None] = lambda _text: None
    files: list[tuple[OutgoingFile, bytes]] = field(default_factory=list)
    acks: list[AckUpdate] = field(default_factory=list)
    done: list[tuple[str, Content]] = field(default_factory=list)
    """What was done to other messages, by the keys of the actions."""
    references: dict[str, str | None] = field(default_factory=dict)
    """The messages that others answer or change, by the keys of these."""
    _ids: count[int] = field(default_factory=lambda: count(1))

    def check_line(self) -> None:
        """Refuse what needs a line to WhatsApp while there is none; `turned_away` counts that."""
        if not self.line:
            self.turned_away += 1
            raise LineDeadError

    async def account_of(self, chat_id: str) -> str | None:
        self.check_line()
        if self.fail_registered:
            self.fail_registered -= 1
            raise PageCallError("ServerStatusCodeError", None, "internal", 503)
        return self.accounts.get(chat_id, chat_id) if self.registered(chat_id) else None

    async def prepare(self, chat_id: str, typing: timedelta = timedelta(0)) -> str:
        self.check_line()
        if chat_id in self.errors:
            raise self.errors[chat_id]
        if self.fail_prepare:
            self.fail_prepare -= 1
            raise PageCallError("Error", "chat_not_found", "busy")
        return f"true_{chat_id}_ID{next(self._ids)}"

    async def show_typing(self, chat_id: str, span: timedelta) -> bool:
        self.typed.append(span)
        if self.typing_fails:
            raise self.typing_fails
        return self.typing_shows

    async def send(
        self,
        key: str,
        chat_id: str,
        content: Content,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        self.references[key] = refers_to
        if file is not None:
            self.files.append((file, file.path.read_bytes()))
        text = content.text if isinstance(content, Text) else content.model_dump_json()
        self.check_line()
        self.before_send(text)
        if content.kind in ACTIONS:
            self._act(key, content)
        else:
            self._take(key, chat_id, text)

    def _act(self, key: str, content: Content) -> None:
        """Do something to another message; doing it again is seen, too."""
        self.done.append((key, content))
        if self.lose_next_send:
            self.lose_next_send = False
            self.outcomes.clear()
        elif self.refused:
            failure = CallFailure(name="Error", code=self.refused, message="no")
            self.outcomes[key] = Outcome(state="thrown", error=failure)
        elif self.held:
            self.outcomes[key] = Outcome(state="pending")
        else:
            self.outcomes[key] = Outcome(state="done", result="OK", ack=1, by=US)

    def _take(self, key: str, chat_id: str, text: str) -> None:
        if chat_id in self.accounts:
            self.lost.append(text)
        if key in self.stored:
            failure = CallFailure(name="DuplicateMessageError", code=None, message=key)
            self.outcomes[key] = Outcome(state="thrown", error=failure)
        elif text in self.odd:
            failure = CallFailure(name="TypeError", code=None, message="x is undefined")
            self.outcomes[key] = Outcome(state="thrown", error=failure)
        elif self.throws:
            self.throws -= 1
            failure = CallFailure(name="NetworkError", code=None, message="no")
            self.outcomes[key] = Outcome(state="thrown", error=failure)
        elif self.nack:
            self.stored[key] = -1
            self.outcomes[key] = Outcome(state="done", result="ERROR_UNKNOWN", code=self.nack)
            self.nack = None
        elif self.restricted == chat_id:
            self.stored[key] = -1
            refused = Outcome(state="done", result="ERROR_UNKNOWN", refusal="Acp2Restricted")
            self.outcomes[key] = refused
        elif self.refused:
            failure = CallFailure(name="Error", code=self.refused, message="no")
            self.outcomes[key] = Outcome(state="thrown", error=failure)
        elif self.lose_next_send:
            self.lose_next_send = False
            self.outcomes.clear()
        else:
            self.stored[key] = 0
            self.outcomes[key] = Outcome(state="pending")
            if not self.held:
                self.deliver(key, text)

    async def resend(
        self,
        key: str,
        chat_id: str,
        content: Content | None = None,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        self.check_line()
        self.resent.append(key)
        if self.refuse_resent:
            self.outcomes[key] = Outcome(state="done", result="ERROR_UNKNOWN", code=403)
            return
        self.outcomes[key] = Outcome(state="pending")
        if not self.held:
            self.deliver(key, "resent")

    async def outcome(self, key: str) -> Outcome:
        known = self.outcomes.get(key, Outcome(state="none"))
        return known.model_copy(update={"line": self.line})

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        if self.fail_look_ups:
            self.fail_look_ups -= 1
            raise PageCallError("Error", "chat_not_found", "busy")
        self.turned_away += not self.line
        return LookUp(found=key in self.stored, ack=self.stored.get(key, 0), line=self.line)

    async def has_line(self) -> bool:
        self.turned_away += not self.line
        return self.line

    def acks_since(self, serial: int) -> list[AckUpdate]:
        return [each for each in self.acks if each.serial > serial]

    def ack(self, key: str, ack: int) -> None:
        """Let an ack arrive."""
        self.acks.append(AckUpdate(key=key, ack=ack, serial=len(self.acks) + 1))

    def deliver(self, key: str, text: str) -> None:
        """Let a stored message reach the server."""
        self.delivered.append((key, text))
        self.stored[key] = 1
        self.outcomes[key] = Outcome(state="done", result="OK", ack=1)
        self.bell.set()
