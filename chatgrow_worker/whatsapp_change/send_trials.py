"""Decide from sends that throw in a row whether one message or the page is at fault."""

from __future__ import annotations

from collections import deque

from chatgrow_worker.page.refusals import PageFailure, refusal_of_error
from chatgrow_worker.whatsapp_change.change_phases import MOVES, SENDS, TRIALS, Event, Phase
from sessions.messages.model import Message

_KNOWN = frozenset(
    {
        "AbortError",
        "BadAnswer",
        "DuplicateMessageError",
        "LineDeadError",
        "NetworkError",
        "NotLoaded",
        "SendLost",
        "TimeoutError",
    }
)
"""Names of errors that a working page throws too: WhatsApp's own, and ours for a lost page.

Errors that mean something for the message are in `page/refusals.py`.
"""

_MOST_BLAMED = 100
"""How many messages that threw by their own fault are remembered."""


def is_unexpected(error: PageFailure) -> bool:
    """Tell whether an error is neither a refusal by WhatsApp or wa-js nor another known error."""
    known = error.code is not None or error.name in _KNOWN
    return not known and refusal_of_error(error) is None


class SendTrials:
    """The phase of one connection, and the messages that threw since the last successful send.

    A message that throws is not blamed until another one has been sent on the same connection.
    Until then the page may be at fault, and the error does not count as a try.
    """

    def __init__(self, in_a_row: int) -> None:
        """Take how many sends in a row must throw before the page is suspected."""
        self._in_a_row = in_a_row
        self._row = 0
        self._chats: dict[str, str] = {}
        self._blamed: deque[str] = deque(maxlen=_MOST_BLAMED)
        self.phase = Phase.SENDING
        self.error = ""

    @property
    def holds(self) -> bool:
        """Whether nothing may be sent now."""
        return self.phase not in SENDS

    @property
    def waits(self) -> bool:
        """Whether the page is suspected."""
        return self.phase not in (Phase.SENDING, Phase.WENT_OUT)

    @property
    def tries(self) -> bool:
        """Whether one message may be sent as a trial."""
        return self.phase in TRIALS

    @property
    def suspects(self) -> frozenset[str]:
        """The ids of the messages that have thrown."""
        return frozenset(self._chats)

    @property
    def counts_for_all(self) -> bool:
        """Whether a message to a person has thrown; groups fail for reasons of their own."""
        return any(not chat.endswith("@g.us") for chat in self._chats.values())

    def threw(self, message: Message, name: str, text: str) -> bool:
        """Note an unexpected error; tell whether the page, not the message, may be at fault."""
        if message.id in self._blamed:
            return False
        self.error = f"{name}: {text}"
        self._row += 1
        self._chats[message.id] = message.to
        if self.tries or self._row >= self._in_a_row:
            self.on(Event.THREW)
        return True

    def went_out(self, message: Message) -> None:
        """Note that a message was sent, so those that threw before are themselves at fault."""
        self._blamed.extend(self.suspects - {message.id})
        self._forget()
        self.on(Event.SENT)

    def release(self, event: Event) -> None:
        """Start again, since the fleet sends again."""
        self._forget()
        self.on(event)

    def on(self, event: Event) -> None:
        """Move to the phase in the table; events that are not in it change nothing."""
        self.phase = MOVES.get((self.phase, event), self.phase)

    def _forget(self) -> None:
        self._row = 0
        self._chats.clear()
