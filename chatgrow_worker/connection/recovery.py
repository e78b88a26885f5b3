"""What to do about a page that stays where it should only pass: the lower rungs of the ladder.

Above them the runner starts the browser anew, then restores an older login, then asks for a scan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from loguru import logger

from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.connections.states import Reason


class Remedy(Enum):
    """One rung."""

    RELOAD = auto()
    NEW_BROWSER = auto()


@dataclass(frozen=True)
class Rungs:
    """How long a page may stay in a state, and what is tried then, in turn; the last for ever.

    With `grows_to` the patience doubles with each remedy, up to that, and both go on through new
    pages and browsers, until the page was ready for so long: a remedy that works for a moment only
    is not to be repeated every few seconds.
    """

    patience: timedelta
    remedies: tuple[Remedy, ...]
    reason: Reason
    grows_to: timedelta | None = None

    def patience_after(self, tries: int) -> timedelta:
        """Return how long the page may stay in the state after so many remedies."""
        if self.grows_to is None:
            return self.patience
        return min(self.grows_to, self.patience * (1 << min(tries, 16)))


Ladder = Mapping[PageState, Rungs]
Tries = dict[PageState, int]
"""How many remedies were tried, by the state that they were for."""


class Recovery:
    """Watches one page's states against the ladder."""

    def __init__(
        self,
        page: WhatsAppPage,
        ladder: Ladder,
        reload_limit: timedelta,
        check_lease: Callable[[], None],
        tried: Tries,
    ) -> None:
        """Take what was tried on earlier pages of the connection; it is kept up to date."""
        self._page = page
        self._ladder = ladder
        self._reload_limit = reload_limit
        self._check_lease = check_lease
        self._state: PageState | None = None
        self._since = time.monotonic()
        self._tried = tried

    async def consider(self, state: PageState) -> None:
        """Try the next remedy if the page is overdue.

        Raises PageBrokenError to ask for a new browser, and LeaseLostError instead of a remedy
        once another owner could have the connection: its page may be what has taken our line.
        """
        now = time.monotonic()
        if state is not self._state:
            self._state, self._since = state, now
        stays = timedelta(seconds=now - self._since)
        if state is PageState.READY:
            self._forget(stays)
        rungs = self._ladder.get(state)
        if rungs is None or stays < rungs.patience_after(self._tried.get(state, 0)):
            return
        self._since = now
        self._check_lease()
        logger.warning("The page is {} for {:.0f} s", state, stays.total_seconds())
        await self._apply(self._next_remedy(state, rungs), state, rungs)

    def _forget(self, ready: timedelta) -> None:
        """Begin at the lowest rung again, for what a page that is ready has left behind."""
        for state in list(self._tried):
            grows_to = self._ladder[state].grows_to
            if grows_to is None or ready >= grows_to:
                del self._tried[state]

    def _next_remedy(self, state: PageState, rungs: Rungs) -> Remedy:
        tried = self._tried.get(state, 0)
        self._tried[state] = tried + 1
        return rungs.remedies[min(tried, len(rungs.remedies) - 1)]

    async def _apply(self, remedy: Remedy, state: PageState, rungs: Rungs) -> None:
        logger.info("Tried now: {}", remedy.name)
        match remedy:
            case Remedy.RELOAD:
                await self._page.reload(self._reload_limit)
            case Remedy.NEW_BROWSER:
                raise PageBrokenError(rungs.reason, f"the page stays {state}")
