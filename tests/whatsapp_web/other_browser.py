"""Be another browser with a login of ours: it takes the line, and hears what comes on it."""

from __future__ import annotations

from typing import Any

from tests.whatsapp_web.switchboard import Switchboard


class OtherBrowser:
    """A page that nobody looks at. Once it is replaced or unlinked it is gone for good.

    It confirms nothing that it is told, so all of that comes to the next page with this login.
    """

    def __init__(self, board: Switchboard, number: str) -> None:
        self._board = board
        self.number: str | None = number
        self.proved: str | None = None
        self.device_id: str | None = None

    async def push(self, kind: str, /, **fields: Any) -> bool:
        """Hear something; go when it says that there is no login any more."""
        if kind in ("replaced", "unlinked"):
            await self._board.remove(self)
        return True

    async def drop(self) -> None:
        """Go."""
        await self._board.remove(self)
