"""Tell a message that kills the line to WhatsApp from a line that dies by itself."""

from __future__ import annotations

from sessions.messages.model import Message


class LineDeaths:
    """Count how often in a row a connection's line died while the same message was being sent.

    Before such a message is sent again, the line has to stay up for a while without it, longer
    each time. If the line dies in that time too, the message is not to blame and the count is
    reset.
    """

    def __init__(self, bound: int) -> None:
        """Take how many deaths in a row may be a coincidence."""
        self._bound = bound
        self._suspect: str | None = None
        self._count = 0

    def died_with(self, message: Message) -> None:
        """Note that the line has died while a message was being sent."""
        if message.id != self._suspect:
            self._suspect, self._count = message.id, 0
        self._count += 1

    def died_without(self) -> None:
        """Note that the line has died while nothing was sent."""
        self._suspect, self._count = None, 0

    def count(self, message: Message) -> int:
        """Return how often in a row it has died with this message."""
        return self._count if message.id == self._suspect else 0

    def blames(self, message: Message) -> bool:
        """Tell whether to give the message up, since it would block those behind it for ever."""
        return self.count(message) > self._bound
