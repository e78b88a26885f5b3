"""What may happen to a message in which status, and which status it has then: one table.

Every write of a status builds its filter with `may` and its changes with `becomes`, so that a
message which is in another status by then is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sessions.common.errors import IllegalMoveError
from sessions.messages.model import Ack, MessageStatus


class Happening(StrEnum):
    """What happens to a message."""

    CLAIMED = "claimed"
    """Its connection's worker takes it in hand."""
    KEPT = "kept"
    """The worker goes on with it, or another one does after a crash."""
    PUT_BACK = "put_back"
    """It was not sent, and goes back to its place to be tried again."""
    SENT = "sent"
    """WhatsApp's server has taken it."""
    FAILED = "failed"
    """It cannot be sent."""
    UNDECIDED = "undecided"
    """It may be out, and nothing tells."""
    EXPIRED_IN_HAND = "expired_in_hand"
    """Its time has run out in the worker's hands, before it was sent."""
    EXPIRED = "expired"
    """Its time has run out while it waited."""
    REACHED_SERVER = "reached_server"
    """WhatsApp's server has acknowledged it."""
    REACHED_DEVICE = "reached_device"
    """A device of the recipient has acknowledged it."""
    SEEN = "seen"
    """The recipient has seen it."""
    CANCELLED = "cancelled"
    """It is taken back, or its connection is deleted."""
    RETRY_CANCELLED = "retry_cancelled"
    """A retry of one that may be out is taken back."""
    ABANDONED = "abandoned"
    """Its connection is deleted while it is in hand; it has no WhatsApp id, so it is not out."""
    ABANDONED_SENT = "abandoned_sent"
    """Its connection is deleted while it is in hand, and it may be out."""
    RETRIED = "retried"
    """Somebody wants it sent after all."""
    RETRY_CONFIRMED = "retry_confirmed"
    """Somebody wants it sent after all, even if it may be out already."""
    REDRIVEN = "redriven"
    """All that failed on its connection is to be sent after all."""


_S = MessageStatus
_H = Happening


@dataclass(frozen=True)
class Move:
    """In which statuses something may happen, and the status after it."""

    before: tuple[MessageStatus, ...]
    after: MessageStatus


_GIVEN_UP = (_S.FAILED, _S.EXPIRED, _S.CANCELLED)
_NOT_KNOWN_TO_BE_OUT = (_S.QUEUED, _S.SENDING, *_GIVEN_UP, _S.UNKNOWN)
"""An ack proves that a message is out, whatever was thought of it."""

MOVES: Mapping[Happening, Move] = MappingProxyType(
    {
        _H.CLAIMED: Move((_S.QUEUED,), _S.SENDING),
        _H.KEPT: Move((_S.SENDING,), _S.SENDING),
        _H.PUT_BACK: Move((_S.SENDING,), _S.QUEUED),
        _H.SENT: Move((_S.SENDING,), _S.SENT),
        _H.FAILED: Move((_S.SENDING,), _S.FAILED),
        _H.UNDECIDED: Move((_S.SENDING,), _S.UNKNOWN),
        _H.EXPIRED_IN_HAND: Move((_S.SENDING,), _S.EXPIRED),
        _H.EXPIRED: Move((_S.QUEUED,), _S.EXPIRED),
        _H.REACHED_SERVER: Move(_NOT_KNOWN_TO_BE_OUT, _S.SENT),
        _H.REACHED_DEVICE: Move((*_NOT_KNOWN_TO_BE_OUT, _S.SENT), _S.DELIVERED),
        _H.SEEN: Move((*_NOT_KNOWN_TO_BE_OUT, _S.SENT, _S.DELIVERED), _S.READ),
        _H.CANCELLED: Move((_S.QUEUED,), _S.CANCELLED),
        _H.RETRY_CANCELLED: Move((_S.QUEUED,), _S.UNKNOWN),
        _H.ABANDONED: Move((_S.SENDING,), _S.CANCELLED),
        _H.ABANDONED_SENT: Move((_S.SENDING,), _S.UNKNOWN),
        _H.RETRIED: Move(_GIVEN_UP, _S.QUEUED),
        _H.RETRY_CONFIRMED: Move((*_GIVEN_UP, _S.UNKNOWN), _S.QUEUED),
        _H.REDRIVEN: Move((_S.FAILED,), _S.QUEUED),
    }
)
"""Every legal move of a message."""

NOT_SENT = (_S.QUEUED, _S.SENDING)
"""The statuses of what is still to be sent."""
OUT = (_S.SENT, _S.DELIVERED, _S.READ)
"""The statuses of what WhatsApp has, in the order in which a message reaches them."""
OF_ACK: Mapping[Ack, Happening] = MappingProxyType(
    {
        Ack.SERVER: _H.REACHED_SERVER,
        Ack.DEVICE: _H.REACHED_DEVICE,
        Ack.READ: _H.SEEN,
        Ack.PLAYED: _H.SEEN,
    }
)
"""What an ack tells; the others tell nothing."""
_ENDINGS = {
    MOVES[each].after: each for each in (_H.SENT, _H.FAILED, _H.UNDECIDED, _H.EXPIRED_IN_HAND)
}


def next_statuses(status: MessageStatus) -> list[MessageStatus]:
    """Return the other statuses that a message may have next, in their usual order."""
    after = {move.after for move in MOVES.values() if status in move.before}
    return [each for each in MessageStatus if each in after - {status}]


def ending_in(status: MessageStatus) -> Happening:
    """Return what ends a message in hand in this status; raise IllegalMoveError for others."""
    if status not in _ENDINGS:
        raise IllegalMoveError(f"A message in hand does not end as {status}.")
    return _ENDINGS[status]


def may(happening: Happening) -> dict[str, Any]:
    """Return the filter for messages to which this may happen."""
    before = MOVES[happening].before
    # One alone is named as such: the partial indexes are used for nothing else.
    return {"status": before[0] if len(before) == 1 else {"$in": list(before)}}


def becomes(happening: Happening) -> dict[str, Any]:
    """Return what this sets (in a pipeline's `$set`): the status and the times that go with it."""
    status = MOVES[happening].after
    changes: dict[str, Any] = {"status": status, "statusAt": "$$NOW"}
    if status is not MessageStatus.QUEUED:
        changes[f"{status}At"] = "$$NOW"
    if status not in NOT_SENT:
        changes["endedAt"] = "$$NOW"
    return changes
