"""The chats to which a page has sent: they exist and are not new."""

from __future__ import annotations

_AT_MOST = 10_000


class KnownChats:
    """Recipients as requested, and the chat of each; emptied when it has grown large."""

    def __init__(self) -> None:
        self._chats: dict[str, str] = {}
        self._written_to: set[str] = set()

    def of(self, to: str) -> str | None:
        """Return the chat of a recipient to whom a message went, or None."""
        return self._chats.get(to)

    def __contains__(self, chat_id: str) -> bool:
        return chat_id in self._written_to

    def add(self, to: str, chat_id: str) -> None:
        """Remember that a message to this recipient went to this chat."""
        if len(self._chats) >= _AT_MOST:
            self._chats.clear()
            self._written_to.clear()
        self._chats[to] = chat_id
        self._written_to.add(chat_id)

    def forget(self, to: str) -> None:
        """Forget the chat of this recipient, so that it is looked up again."""
        self._chats.pop(to, None)
