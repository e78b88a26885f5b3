"""Tell a message that kills the line to WhatsApp from a line that dies by itself."""

from __future__ import annotations

from sessions.messages.model import Message


class LineDeaths:
    """How often in a row the line of one connection has died with the same message in hand.

    Before such a message is sent again the line has to stand for a while without it, longer each
    time. Where it dies meanwhile too, the message is not to blame, and counting begins anew.
    """

    def __init__(self, bound: int) -> None:
        """Take how many deaths in a row may be chance."""
        self._bound = bound
        self._suspect: str | None = None
        self._count = 0

    def died_with(self, message: Message) -> None:
        """Note that the line has died with a message in hand."""
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
        """Tell whether the message is to be given up: it would hold those behind it for ever."""
        return self.count(message) > self._bound
