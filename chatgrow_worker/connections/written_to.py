"""The chats that a page has written to: each is there, and no longer new."""

from __future__ import annotations

_AT_MOST = 10_000


class WrittenTo:
    """A set that forgets everything when it has grown large."""

    def __init__(self) -> None:
        self._chats: set[str] = set()

    def __contains__(self, chat_id: str) -> bool:
        return chat_id in self._chats

    def add(self, chat_id: str) -> None:
        """Remember a chat."""
        if len(self._chats) >= _AT_MOST:
            self._chats.clear()
        self._chats.add(chat_id)
