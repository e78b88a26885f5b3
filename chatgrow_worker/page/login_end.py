"""The signs by which a page tells that its login ends, and what they mean together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from sessions.connections.states import Reason


class EndSign(StrEnum):
    """One sign; `account_events.js` says where each comes from."""

    STARTING_LOGOUT = "starting_logout"
    LOGGED_OUT = "logged_out"
    WIPING = "wiping"
    WIPE_FAILED = "wipe_failed"
    CLIENT_FATAL = "client_fatal"
    SYNC_FAILED = "sync_failed"
    HISTORY_TIMEOUT = "history_timeout"
    ACCOUNT_LOCKED = "account_locked"


_MEANS: Mapping[EndSign, Reason] = MappingProxyType(
    {
        # An address that gives a reason says more than the events, which come with each logout.
        EndSign.ACCOUNT_LOCKED: Reason.ACCOUNT_LOCKED,
        EndSign.CLIENT_FATAL: Reason.LOGIN_LOST,
        EndSign.SYNC_FAILED: Reason.LOGIN_LOST,
        EndSign.HISTORY_TIMEOUT: Reason.LOGIN_LOST,
        EndSign.STARTING_LOGOUT: Reason.UNLINKED,
        EndSign.LOGGED_OUT: Reason.UNLINKED,
        EndSign.WIPING: Reason.UNLINKED,
        EndSign.WIPE_FAILED: Reason.UNLINKED,
    }
)
"""The first that was told decides."""


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
