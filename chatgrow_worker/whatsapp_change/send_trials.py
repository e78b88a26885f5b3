"""Tell the fault of one message from a page that cannot send any more, by what throws in a row."""

from __future__ import annotations

from chatgrow_worker.page.refusals import PageFailure, refusal_of_error
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


def is_unexpected(error: PageFailure) -> bool:
    """Tell whether an error is no refusal of WhatsApp's or wa-js's, and none that we know."""
    known = error.code is not None or error.name in _KNOWN
    return not known and refusal_of_error(error) is None


class SendTrials:
    """What has thrown unexpectedly on one connection since something went out.

    A message that throws is not blamed before another one has gone out on the same connection:
    until then it may be the page's fault, and costs the message no try.
    """

    def __init__(self, in_a_row: int) -> None:
        self._in_a_row = in_a_row
        self._row = 0
        self._suspects: set[str] = set()
        self._chats: set[str] = set()
        self._blamed: set[str] = set()
        self._probing = False
        self._trying = False
        self._passed = False
        self.error = ""

    @property
    def suspicious(self) -> bool:
        """Whether so much has thrown in a row that it may be the page's fault."""
        return self._row >= self._in_a_row

    @property
    def holds(self) -> bool:
        """Whether nothing may be sent: it is suspicious, and no message is being tried."""
        return self.suspicious and not self._probing

    @property
    def probing(self) -> bool:
        """Whether one message is being tried."""
        return self._probing

    @property
    def trying(self) -> bool:
        """Whether a trial has begun that has not been ended."""
        return self._trying

    @property
    def passed(self) -> bool:
        """Whether the message that was tried has gone out."""
        return self._passed

    @property
    def suspects(self) -> frozenset[str]:
        """The ids of the messages that have thrown."""
        return frozenset(self._suspects)

    @property
    def counts_for_all(self) -> bool:
        """Whether one to a person's number has thrown: groups fail in ways of their own."""
        return any(not chat.endswith("@g.us") for chat in self._chats)

    def threw(self, message: Message | None, name: str, text: str) -> bool:
        """Note an unexpected error; tell whether it is not held against the message."""
        if message is not None and message.id in self._blamed:
            return False
        self.error = f"{name}: {text}"
        self._row = max(self._row + 1, self._in_a_row if self._probing else 0)
        self._probing = False
        if message is not None:
            self._suspects.add(message.id)
            self._chats.add(message.to)
        return True

    def went_out(self, message: Message) -> None:
        """Note that a message has gone out: what threw before it is to blame itself."""
        self._passed = self._passed or self._probing
        self._blamed |= self._suspects - {message.id}
        self._forget()

    def begin_probe(self) -> None:
        """Let the next message be tried; it decides."""
        self._probing = self._trying = True
        self._passed = False

    def end_probe(self) -> None:
        """End the trial, whatever came of it."""
        self._probing = self._trying = False

    def release(self) -> None:
        """Begin anew: sends work elsewhere again."""
        self._forget()
        self._trying = False

    def _forget(self) -> None:
        self._row = 0
        self._probing = False
        self._suspects.clear()
        self._chats.clear()
