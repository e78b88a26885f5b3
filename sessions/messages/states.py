"""What may happen to a message in each status, and its status after that: one table.

Every write of a status builds its filter with `may` and its changes with `becomes`, so that a
message whose status has changed meanwhile is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sessions.common.errors import IllegalMoveError
from sessions.events.log import EventType
from sessions.messages.model import Ack, MessageStatus
from sessions.outgoing_events.pending import adds


class Happening(StrEnum):
    """What happens to a message."""

    CLAIMED = "claimed"
    """Its connection's worker claims it."""
    KEPT = "kept"
    """The worker, or another one after a crash, continues with it."""
    PUT_BACK = "put_back"
    """It was not sent and returns to its place in the queue."""
    SENT = "sent"
    """WhatsApp's server has accepted it."""
    FAILED = "failed"
    """It cannot be sent."""
    UNDECIDED = "undecided"
    """It may have been sent, and nothing tells whether it was."""
    FILE_MISSING = "file_missing"
    """Its file cannot be fetched, or is none that can be sent."""
    EXPIRED_IN_HAND = "expired_in_hand"
    """It expired while the worker had it, before it was sent."""
    EXPIRED = "expired"
    """It expired while it waited."""
    REACHED_SERVER = "reached_server"
    """WhatsApp's server has acknowledged it."""
    REACHED_DEVICE = "reached_device"
    """A device of the recipient has acknowledged it."""
    SEEN = "seen"
    """The recipient has seen it."""
    CANCELLED = "cancelled"
    """It is cancelled, or its connection is deleted."""
    RETRY_CANCELLED = "retry_cancelled"
    """The retry of a message that may have been sent is cancelled."""
    WITHDRAWN = "withdrawn"
    """What it was planned for has changed while it waited."""
    WITHDRAWN_IN_HAND = "withdrawn_in_hand"
    """What it was planned for has changed, as the worker finds just before sending it."""
    OPTED_OUT = "opted_out"
    """Its recipient no longer wants such messages."""
    PLANNED_AGAIN = "planned_again"
    """What it was planned for holds again."""
    ABANDONED = "abandoned"
    """Its connection is deleted while it is claimed; without a WhatsApp id it was not sent."""
    ABANDONED_SENT = "abandoned_sent"
    """Its connection is deleted while it is claimed, and it may have been sent."""
    RETRIED = "retried"
    """A person retries it."""
    RETRY_CONFIRMED = "retry_confirmed"
    """A person retries it and confirms that it may have been sent already."""
    REDRIVEN = "redriven"
    """All failed messages of its connection are retried."""


_S = MessageStatus
_H = Happening


@dataclass(frozen=True)
class Move:
    """The statuses in which something may happen, and the status after it."""

    before: tuple[MessageStatus, ...]
    after: MessageStatus


_GIVEN_UP = (_S.FAILED, _S.EXPIRED, _S.CANCELLED)
_NOT_KNOWN_TO_BE_OUT = (_S.QUEUED, _S.SENDING, *_GIVEN_UP, _S.UNKNOWN)
"""The statuses that an ack corrects, since it proves that the message was sent."""

MOVES: Mapping[Happening, Move] = MappingProxyType(
    {
        _H.CLAIMED: Move((_S.QUEUED,), _S.SENDING),
        _H.KEPT: Move((_S.SENDING,), _S.SENDING),
        _H.PUT_BACK: Move((_S.SENDING,), _S.QUEUED),
        _H.SENT: Move((_S.SENDING,), _S.SENT),
        _H.FAILED: Move((_S.SENDING,), _S.FAILED),
        _H.FILE_MISSING: Move((_S.QUEUED,), _S.FAILED),
        _H.UNDECIDED: Move((_S.SENDING,), _S.UNKNOWN),
        _H.EXPIRED_IN_HAND: Move((_S.SENDING,), _S.EXPIRED),
        _H.EXPIRED: Move((_S.QUEUED,), _S.EXPIRED),
        _H.REACHED_SERVER: Move(_NOT_KNOWN_TO_BE_OUT, _S.SENT),
        _H.REACHED_DEVICE: Move((*_NOT_KNOWN_TO_BE_OUT, _S.SENT), _S.DELIVERED),
        _H.SEEN: Move((*_NOT_KNOWN_TO_BE_OUT, _S.SENT, _S.DELIVERED), _S.READ),
        _H.CANCELLED: Move((_S.QUEUED,), _S.CANCELLED),
        _H.RETRY_CANCELLED: Move((_S.QUEUED,), _S.UNKNOWN),
        _H.WITHDRAWN: Move((_S.QUEUED,), _S.CANCELLED),
        _H.WITHDRAWN_IN_HAND: Move((_S.SENDING,), _S.CANCELLED),
        _H.OPTED_OUT: Move((_S.QUEUED,), _S.FAILED),
        _H.PLANNED_AGAIN: Move((_S.CANCELLED, _S.FAILED), _S.QUEUED),
        _H.ABANDONED: Move((_S.SENDING,), _S.CANCELLED),
        _H.ABANDONED_SENT: Move((_S.SENDING,), _S.UNKNOWN),
        _H.RETRIED: Move(_GIVEN_UP, _S.QUEUED),
        _H.RETRY_CONFIRMED: Move((*_GIVEN_UP, _S.UNKNOWN), _S.QUEUED),
        _H.REDRIVEN: Move((_S.FAILED,), _S.QUEUED),
    }
)
"""Every legal move of a message."""

NOT_SENT = (_S.QUEUED, _S.SENDING)
"""The statuses of messages that are still to be sent."""
OUT = (_S.SENT, _S.DELIVERED, _S.READ)
"""The statuses of messages that WhatsApp has, in the order in which they are reached."""
OF_ACK: Mapping[Ack, Happening] = MappingProxyType(
    {
        Ack.SERVER: _H.REACHED_SERVER,
        Ack.DEVICE: _H.REACHED_DEVICE,
        Ack.READ: _H.SEEN,
        Ack.PLAYED: _H.SEEN,
    }
)
"""What each ack means; other acks mean nothing."""
TELLS_STATUS: dict[str, Any] = {
    "$set": adds(EventType.MESSAGE_STATUS, {"status": "$status", "reason": "$reason"})
}
"""The stage after a change of a status: it adds the event to the document."""
_ENDINGS = {
    MOVES[each].after: each
    for each in (_H.SENT, _H.FAILED, _H.UNDECIDED, _H.EXPIRED_IN_HAND, _H.WITHDRAWN_IN_HAND)
}


def ending_in(status: MessageStatus) -> Happening:
    """Return what ends a claimed message in this status; raise IllegalMoveError for others."""
    if status not in _ENDINGS:
        raise IllegalMoveError(f"A claimed message cannot end as {status}.")
    return _ENDINGS[status]


def may(happening: Happening) -> dict[str, Any]:
    """Return the filter for messages to which this may happen."""
    before = MOVES[happening].before
    # A single status is compared directly: MongoDB uses the partial indexes only for that.
    return {"status": before[0] if len(before) == 1 else {"$in": list(before)}}


def becomes(happening: Happening, changes: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the pipeline for this: the new status and its times, and the event that tells it.

    `changes` are further fields, as expressions; they go before ours.
    """
    status = MOVES[happening].after
    made: dict[str, Any] = {"status": status, "statusAt": "$$NOW"}
    if status is not MessageStatus.QUEUED:
        made[f"{status}At"] = "$$NOW"
    if status not in NOT_SENT:
        made["endedAt"] = "$$NOW"
    return [{"$set": {**made, **(changes or {})}}, TELLS_STATUS]
