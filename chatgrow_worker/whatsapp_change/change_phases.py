"""The phases of a connection whose sends may fail because WhatsApp Web has changed: one table.

Events come from the dispatcher (results of sends) and from the gate (`change_gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType


class Phase(StrEnum):
    """What a connection thinks of its page and its sends, and does about it."""

    SENDING = auto()
    """Messages are sent; there is no or not enough evidence against the page."""
    SUSPICIOUS = auto()
    """The page lacks a function, or several sends in a row have thrown; not reported yet."""
    WAITING = auto()
    """The trouble is reported. After a while the page is reloaded."""
    STALE = auto()
    """Others can send again with another version, so this page is reloaded soon."""
    LOADING = auto()
    """The page is being reloaded, and it is not known yet whether it has all functions."""
    TRYING = auto()
    """One message may be sent: the next one."""
    COMPARING = auto()
    """One message may be sent: another one than those that threw."""
    THREW = auto()
    """The message that was tried has thrown."""
    BOTH_THREW = auto()
    """The other message has thrown too."""
    WENT_OUT = auto()
    """A message was sent, so the page can send; not reported yet."""


class Event(StrEnum):
    """What moves a connection from phase to phase."""

    THREW = auto()
    """Enough sends in a row have thrown; in a trial a single one is enough."""
    SENT = auto()
    """A message was sent."""
    LACKS = auto()
    """The page lacks a function that we use."""
    REPORTED = auto()
    LOADED = auto()
    """The page was told to reload."""
    TRY = auto()
    COMPARE = auto()
    FAILED = auto()
    """A reloaded page or the trial of a message has failed."""
    PASSED = auto()
    """The page can be used."""
    FLEET_SENDS = auto()
    """The fleet sends again, and our page has the version that was tested."""
    FLEET_SENDS_WITHOUT_US = auto()
    """The fleet sends again, but our page lacks a function or has another version."""


_P = Phase
MOVES: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (_P.SENDING, Event.THREW): _P.SUSPICIOUS,
        (_P.SENDING, Event.LACKS): _P.SUSPICIOUS,
        (_P.SENDING, Event.LOADED): _P.LOADING,  # to probe for the fleet
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
"""Every move. Other events change nothing: a dispatcher that finishes its message after the phase
has changed still reports the result."""

TRIALS = frozenset({Phase.TRYING, Phase.COMPARING})
"""One message decides."""
SENDS = TRIALS | {Phase.SENDING, Phase.WENT_OUT}
"""The dispatcher may claim messages. In the other phases nothing is sent."""
