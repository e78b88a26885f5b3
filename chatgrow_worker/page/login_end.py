"""The signs by which a page tells that its login ends, and what they mean together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from sessions.connections.states import Reason

OF_NO_LOAD = ""
"""For a sign of which it is not known in which load of the page it was, or which lasts beyond it.

A login that works later forgets it.
"""


class EndSign(StrEnum):
    """One sign; `account_events.js` says where each comes from."""

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
    """A load that wiped its login has come to its end: the page has loaded itself anew."""


_MEANS: Mapping[EndSign, Reason] = MappingProxyType(
    {
        # The address after the wipe gives the reason, or has none for what the server has ended.
        EndSign.ACCOUNT_LOCKED: Reason.ACCOUNT_LOCKED,
        EndSign.CLIENT_FATAL: Reason.LOGIN_LOST,
        EndSign.SYNC_FAILED: Reason.LOGIN_LOST,
        EndSign.HISTORY_TIMEOUT: Reason.LOGIN_LOST,
        EndSign.OTHER_REASON: Reason.LOGIN_LOST,
        EndSign.OWN_LOGOUT: Reason.LOGIN_LOST,
        EndSign.WIPED: Reason.UNLINKED,
    }
)
"""The first that was told decides.

The others prove nothing, as they come with every logout: a browser that dies in a wipe leaves open
what the address after it would have told. The saved login tells then, since WhatsApp refuses one
that was revoked.
"""


class LoginEnd:
    """Remembers what pages told of the end of a login, over reloads and new browsers.

    A page wipes its memory when its login ends, and the page after it knows little of why.
    """

    def __init__(self) -> None:
        self._told: dict[EndSign, str] = {}

    def hear(self, epoch: str, signs: Iterable[EndSign]) -> None:
        """Take note of signs that the page of this load has told."""
        self._told.update(dict.fromkeys(signs, epoch))

    def works(self, epoch: str) -> None:
        """Forget the signs of earlier loads: the login works in this one."""
        self._told = {sign: of for sign, of in self._told.items() if of == epoch}

    def forget(self) -> None:
        """Forget all signs: another login is tried next."""
        self._told.clear()

    @property
    def reason(self) -> Reason:
        """Why a page that had a login has none: LOGIN_LOST if nothing tells more."""
        found = (reason for sign, reason in _MEANS.items() if sign in self._told)
        return next(found, Reason.LOGIN_LOST)
