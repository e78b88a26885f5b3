"""What to do about a page that stays where it should only pass: the lower rungs of the ladder.

Above them the runner starts the browser anew, then restores an older login, then asks for a scan.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from loguru import logger

from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.states import Reason


class Remedy(Enum):
    """One rung."""

    TAKE_OVER = auto()
    RELOAD = auto()
    NEW_BROWSER = auto()


@dataclass(frozen=True)
class Rungs:
    """How long a page may stay in a state, and what is tried then, in turn; the last for ever."""

    patience: timedelta
    remedies: tuple[Remedy, ...]
    reason: Reason


Ladder = Mapping[PageState, Rungs]


class Recovery:
    """Watches one page's states against the ladder."""

    def __init__(self, page: WhatsAppPage, ladder: Ladder, reload_limit: timedelta) -> None:
        self._page = page
        self._ladder = ladder
        self._reload_limit = reload_limit
        self._state: PageState | None = None
        self._since = time.monotonic()
        self._tried: dict[PageState, int] = {}

    async def consider(self, state: PageState) -> None:
        """Try the next remedy if the page is overdue; PageBrokenError asks for a new browser."""
        now = time.monotonic()
        if state is not self._state:
            self._state, self._since = state, now
        if state is PageState.READY:
            self._tried.clear()
        rungs = self._ladder.get(state)
        if rungs is None or now - self._since < rungs.patience.total_seconds():
            return
        self._since = now
        await self._apply(self._next_remedy(state, rungs), state, rungs)

    def _next_remedy(self, state: PageState, rungs: Rungs) -> Remedy:
        tried = self._tried.get(state, 0)
        self._tried[state] = tried + 1
        return rungs.remedies[min(tried, len(rungs.remedies) - 1)]

    async def _apply(self, remedy: Remedy, state: PageState, rungs: Rungs) -> None:
        logger.warning("The page is {} for longer than {}: {}", state, rungs.patience, remedy.name)
        match remedy:
            case Remedy.TAKE_OVER:
                await self._page.take_over()
            case Remedy.RELOAD:
                await self._page.reload(self._reload_limit)
            case Remedy.NEW_BROWSER:
                raise PageBrokenError(rungs.reason, f"the page stays {state}")
