"""The phases of a connection whose sends may fail because WhatsApp Web has changed: one table.

The dispatcher tells what its sends come to, the gate (`change_gate.py`) what it sees and does.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType


class Phase(StrEnum):
    """What a connection knows of its own page and its own sends, and does about it."""

    SENDING = auto()
    """Messages go out: nothing, or too little, speaks against the page."""
    SUSPICIOUS = auto()
    """The page lacks a function, or sends have thrown in a row. That is not reported yet."""
    WAITING = auto()
    """That is reported. After a while the page is loaded anew."""
    STALE = auto()
    """Others can send again with another version: the page is loaded anew soon, as ours is old."""
    LOADING = auto()
    """The page is being loaded anew, and has not shown yet whether it has all functions."""
    TRYING = auto()
    """One message may go: the next in turn."""
    COMPARING = auto()
    """One message may go: another one than those that have thrown."""
    THREW = auto()
    """The message that was tried has thrown."""
    BOTH_THREW = auto()
    """The other message has thrown too."""
    WENT_OUT = auto()
    """A message has gone out, so the page can send; nobody was told yet."""


class Event(StrEnum):
    """What moves a connection from phase to phase."""

    THREW = auto()
    """So much has thrown in a row that it counts; a single error is enough in a trial."""
    SENT = auto()
    """A message has gone out."""
    LACKS = auto()
    """The page lacks a function that we use."""
    REPORTED = auto()
    LOADED = auto()
    """The page was told to load anew."""
    TRY = auto()
    COMPARE = auto()
    FAILED = auto()
    """A page that was loaded anew, or the trial of a message, has failed."""
    PASSED = auto()
    """The page can be used."""
    FLEET_SENDS = auto()
    """The fleet waits no more, and our page is as good as the one that was tried for it."""
    FLEET_SENDS_WITHOUT_US = auto()
    """The fleet waits no more, but our page lacks a function or has another version."""


_P = Phase
MOVES: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (_P.SENDING, Event.THREW): _P.SUSPICIOUS,
        (_P.SENDING, Event.LACKS): _P.SUSPICIOUS,
        (_P.SENDING, Event.LOADED): _P.LOADING,  # to try for the fleet, as all the others are
        (_P.SUSPICIOUS, Event.SENT): _P.WENT_OUT,
        (_P.SUSPICIOUS, Event.COMPARE): _P.COMPARING,
        (_P.SUSPICIOUS, Event.REPORTED): _P.WAITING,
        (_P.SUSPICIOUS, Event.PASSED): _P.SENDING,
        (_P.SUSPICIOUS, Event.LOADED): _P.LOADING,
        (_P.WAITING, Event.SENT): _P.WENT_OUT,
        (_P.WAITING, Event.COMPARE): _P.COMPARING,
        (_P.WAITING, Event.PASSED): _P.SENDING,
        (_P.WAITING, Event.LOADED): _P.LOADING,
        (_P.STALE, Event.LOADED): _P.LOADING,
        (_P.LOADING, Event.TRY): _P.TRYING,
        (_P.LOADING, Event.PASSED): _P.SENDING,
        (_P.LOADING, Event.FAILED): _P.SUSPICIOUS,
        (_P.TRYING, Event.SENT): _P.WENT_OUT,
        (_P.TRYING, Event.THREW): _P.THREW,
        (_P.TRYING, Event.PASSED): _P.SENDING,
        (_P.TRYING, Event.FAILED): _P.SUSPICIOUS,
        (_P.COMPARING, Event.SENT): _P.WENT_OUT,
        (_P.COMPARING, Event.THREW): _P.BOTH_THREW,
        (_P.COMPARING, Event.PASSED): _P.SENDING,
        (_P.COMPARING, Event.FAILED): _P.SUSPICIOUS,
        (_P.THREW, Event.SENT): _P.WENT_OUT,
        (_P.THREW, Event.COMPARE): _P.COMPARING,
        (_P.THREW, Event.FAILED): _P.SUSPICIOUS,
        (_P.BOTH_THREW, Event.SENT): _P.WENT_OUT,
        (_P.BOTH_THREW, Event.FAILED): _P.SUSPICIOUS,
        (_P.WENT_OUT, Event.PASSED): _P.SENDING,
    }
    | {(each, Event.FLEET_SENDS): _P.SENDING for each in Phase}
    | {(each, Event.FLEET_SENDS_WITHOUT_US): _P.STALE for each in Phase}
)
"""Every move. What is not here moves nothing: the dispatcher ends what it has in hand, and tells of
that, whatever the phase is by then."""

TRIALS = frozenset({Phase.TRYING, Phase.COMPARING})
"""One message decides."""
SENDS = TRIALS | {Phase.SENDING, Phase.WENT_OUT}
"""The dispatcher may claim messages. In the other phases nothing is sent."""
