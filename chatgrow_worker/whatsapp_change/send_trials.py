"""Tell the fault of one message from a page that cannot send any more, by what throws in a row."""

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
"""Names of errors that a page that works throws too: WhatsApp's own, and ours for a lost page.

Those that mean something for the message are in `page/refusals.py`.
"""

_MOST_BLAMED = 100
"""So many messages that threw by their own fault are remembered; one more is judged anew."""


def is_unexpected(error: PageFailure) -> bool:
    """Tell whether an error is no refusal of WhatsApp's or wa-js's, and none that we know."""
    known = error.code is not None or error.name in _KNOWN
    return not known and refusal_of_error(error) is None


class SendTrials:
    """The phase of one connection, and what has thrown unexpectedly since something went out.

    A message that throws is not blamed before another one has gone out on the same connection:
    until then it may be the page's fault, and costs the message no try.
    """

    def __init__(self, in_a_row: int) -> None:
        """Take how many errors in a row are more than the fault of one message."""
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
        """Whether something speaks against the page."""
        return self.phase not in (Phase.SENDING, Phase.WENT_OUT)

    @property
    def tries(self) -> bool:
        """Whether one message may go, which decides."""
        return self.phase in TRIALS

    @property
    def suspects(self) -> frozenset[str]:
        """The ids of the messages that have thrown."""
        return frozenset(self._chats)

    @property
    def counts_for_all(self) -> bool:
        """Whether one to a person's number has thrown: groups fail in ways of their own."""
        return any(not chat.endswith("@g.us") for chat in self._chats.values())

    def threw(self, message: Message, name: str, text: str) -> bool:
        """Note an unexpected error; tell whether it is not held against the message."""
        if message.id in self._blamed:
            return False
        self.error = f"{name}: {text}"
        self._row += 1
        self._chats[message.id] = message.to
        if self.tries or self._row >= self._in_a_row:
            self.on(Event.THREW)
        return True

    def went_out(self, message: Message) -> None:
        """Note that a message has gone out: what threw before it is to blame itself."""
        self._blamed.extend(self.suspects - {message.id})
        self._forget()
        self.on(Event.SENT)

    def release(self, event: Event) -> None:
        """Begin anew: the fleet sends again."""
        self._forget()
        self.on(event)

    def on(self, event: Event) -> None:
        """Move to the phase that the table names; what it does not name moves nothing."""
        self.phase = MOVES.get((self.phase, event), self.phase)

    def _forget(self) -> None:
        self._row = 0
        self._chats.clear()
