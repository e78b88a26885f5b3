"""Why a login has ended, by the signs that its page has shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from sessions.connections.states import Reason

OF_NO_LOAD = ""
"""The epoch of a sign that belongs to no certain load of the page, or outlasts its load.

It is forgotten when the login works later.
"""


class EndSign(StrEnum):
    """A sign that a login ends; `account_events.js` says where each comes from."""

    STARTING_LOGOUT = "starting_logout"
    OWN_LOGOUT = "own_logout"
    LOGGED_OUT = "logged_out"
    WIPING = "wiping"
    WIPE_FAILED = "wipe_failed"
    CLIENT_FATAL = "client_fatal"
    SYNC_FAILED = "sync_failed"
    HISTORY_TIMEOUT = "history_timeout"
    ACCOUNT_LOCKED = "account_locked"
    OTHER_REASON = "other_reason"
    WIPED = "wiped"
    """The page wiped its login, and then loaded itself again."""


_MEANS: Mapping[EndSign, Reason] = MappingProxyType(
    {
        # After the wipe, the page's address has the reason; none if the server ended the login.
        EndSign.ACCOUNT_LOCKED: Reason.ACCOUNT_LOCKED,
        EndSign.CLIENT_FATAL: Reason.LOGIN_LOST,
        EndSign.SYNC_FAILED: Reason.LOGIN_LOST,
        EndSign.HISTORY_TIMEOUT: Reason.LOGIN_LOST,
        EndSign.OTHER_REASON: Reason.LOGIN_LOST,
        EndSign.OWN_LOGOUT: Reason.LOGIN_LOST,
        EndSign.WIPED: Reason.UNLINKED,
    }
)
"""The reasons of signs; the first sign in this order that was shown decides.

The other signs come with every logout and prove no reason. If the browser dies during a wipe, the
reason stays unknown: then the saved login is tried, which WhatsApp refuses if it was revoked.
"""


class LoginEnd:
    """Remember the signs of a login's end over reloads and new browsers.

    When its login ends, a page wipes its own memory, and the next page knows little of the reason.
    """

    def __init__(self) -> None:
        self._told: dict[EndSign, str] = {}

    def hear(self, epoch: str, signs: Iterable[EndSign]) -> None:
        """Remember signs that the page has shown in this load."""
        self._told.update(dict.fromkeys(signs, epoch))

    def works(self, epoch: str) -> None:
        """Forget the signs of earlier loads: the login works in this one."""
        self._told = {sign: of for sign, of in self._told.items() if of == epoch}

    def forget(self) -> None:
        """Forget all signs, before another login is tried."""
        self._told.clear()

    @property
    def reason(self) -> Reason:
        """Why the login has ended; LOGIN_LOST if no sign says more."""
        found = (reason for sign, reason in _MEANS.items() if sign in self._told)
        return next(found, Reason.LOGIN_LOST)
