"""The table of what may happen to a message."""

from __future__ import annotations

import pytest

from sessions.common.errors import IllegalMoveError
from sessions.messages.model import Ack, MessageStatus
from sessions.messages.states import (
    MOVES,
    NOT_SENT,
    OF_ACK,
    OUT,
    Happening,
    becomes,
    ending_in,
    may,
)

S = MessageStatus


def _leading(before: MessageStatus, after: MessageStatus) -> set[Happening]:
    return {
        happening
        for happening, move in MOVES.items()
        if before in move.before and after is move.after
    }


def _next_statuses(status: MessageStatus) -> list[MessageStatus]:
    """Return the statuses that may follow this one, in their usual order."""
    after = {move.after for move in MOVES.values() if status in move.before}
    return [each for each in MessageStatus if each in after - {status}]


def test_every_happening_has_its_row() -> None:
    assert set(MOVES) == set(Happening)
    assert all(move.before for move in MOVES.values())


@pytest.mark.parametrize("status", MessageStatus)
def test_every_status_is_reached_and_only_read_is_the_end(status: MessageStatus) -> None:
    assert any(status in _next_statuses(each) for each in MessageStatus)
    assert bool(_next_statuses(status)) is (status is not S.READ)


@pytest.mark.parametrize("status", OUT)
def test_what_is_out_only_goes_forward(status: MessageStatus) -> None:
    assert _next_statuses(status) == [*OUT[OUT.index(status) + 1 :]]


def test_only_a_claim_takes_a_message_in_hand() -> None:
    leading = {each: _leading(each, S.SENDING) for each in MessageStatus}
    assert {each: found for each, found in leading.items() if found} == {
        S.QUEUED: {Happening.CLAIMED},
        S.SENDING: {Happening.KEPT},
    }


def test_what_may_be_out_is_repeated_by_a_person_only() -> None:
    assert _leading(S.UNKNOWN, S.QUEUED) == {Happening.RETRY_CONFIRMED}
    assert S.SENDING not in _next_statuses(S.UNKNOWN)


def test_an_ack_moves_a_message_from_every_status_before_its_own() -> None:
    assert set(OF_ACK) == {each for each in Ack if each > Ack.PENDING}
    for happening in OF_ACK.values():
        before, after = MOVES[happening].before, MOVES[happening].after
        later = OUT[OUT.index(after) :]
        assert set(before) == set(MessageStatus) - set(later)


@pytest.mark.parametrize("status", MessageStatus)
def test_a_message_in_hand_ends_in_five_ways(status: MessageStatus) -> None:
    if status in (S.SENT, S.FAILED, S.EXPIRED, S.CANCELLED, S.UNKNOWN):
        assert MOVES[ending_in(status)].after is status
    else:
        with pytest.raises(IllegalMoveError):
            ending_in(status)


@pytest.mark.parametrize("happening", Happening)
def test_filters_and_changes_are_the_rows(happening: Happening) -> None:
    move, wanted = MOVES[happening], may(happening)["status"]
    found = wanted["$in"] if isinstance(wanted, dict) else [wanted]
    assert tuple(found) == move.before
    changes = becomes(happening)[0]["$set"]
    assert (changes["status"], changes["statusAt"]) == (move.after, "$$NOW")
    assert ("endedAt" in changes) is (move.after not in NOT_SENT)
