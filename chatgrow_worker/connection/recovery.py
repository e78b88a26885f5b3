"""Reload a page that stays too long in a temporary state, or ask for a new browser.

If that does not help, the runner restores an older login, and at last asks for a scan.
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
    """What to try with a page."""

    RELOAD = auto()
    NEW_BROWSER = auto()


@dataclass(frozen=True)
class RecoveryRule:
    """How long a page may stay in a state, and the remedies to try then, the last one repeatedly.

    With `grows_to`, the patience doubles after each remedy up to that time. The count of remedies
    is kept for new pages and browsers until a page has been ready for `grows_to`, so that a remedy
    that helps only for a moment is not repeated every few seconds.
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


RecoveryRules = Mapping[PageState, RecoveryRule]
Tries = dict[PageState, int]
"""How many remedies were tried for each state."""


class Recovery:
    """Apply the rules to one page."""

    def __init__(
        self,
        page: WhatsAppPage,
        rules: RecoveryRules,
        reload_limit: timedelta,
        check_lease: Callable[[], None],
        tried: Tries,
    ) -> None:
        """Take the remedies tried on earlier pages; `tried` is kept up to date."""
        self._page = page
        self._rules = rules
        self._reload_limit = reload_limit
        self._check_lease = check_lease
        self._state: PageState | None = None
        self._since = time.monotonic()
        self._tried = tried

    async def consider(self, state: PageState) -> None:
        """Try the next remedy if the page is overdue.

        Raises PageBrokenError to ask for a new browser. Raises LeaseLostError instead of trying a
        remedy if another worker could have the connection, since its page may use our login.
        """
        now = time.monotonic()
        if state is not self._state:
            self._state, self._since = state, now
        stays = timedelta(seconds=now - self._since)
        if state is PageState.READY:
            self._forget(stays)
        rule = self._rules.get(state)
        if rule is None or stays < rule.patience_after(self._tried.get(state, 0)):
            return
        self._since = now
        self._check_lease()
        logger.warning("The page is {} for {:.0f} s", state, stays.total_seconds())
        await self._apply(self._next_remedy(state, rule), state, rule)

    def _forget(self, ready: timedelta) -> None:
        """Forget the remedies that a ready page no longer needs."""
        for state in list(self._tried):
            grows_to = self._rules[state].grows_to
            if grows_to is None or ready >= grows_to:
                del self._tried[state]

    def _next_remedy(self, state: PageState, rule: RecoveryRule) -> Remedy:
        tried = self._tried.get(state, 0)
        self._tried[state] = tried + 1
        return rule.remedies[min(tried, len(rule.remedies) - 1)]

    async def _apply(self, remedy: Remedy, state: PageState, rule: RecoveryRule) -> None:
        logger.info("Trying {}", remedy.name)
        match remedy:
            case Remedy.RELOAD:
                await self._page.reload(self._reload_limit)
            case Remedy.NEW_BROWSER:
                raise PageBrokenError(rule.reason, f"the page stays {state}")
