"""The table of legal moves."""

from datetime import timedelta
from itertools import product

import pytest

from sessions.common.errors import IllegalMoveError
from sessions.connections.states import (
    MOVES,
    WORKER_SOON,
    Actor,
    Command,
    ConnectionState,
    Reason,
    acts_next,
    allowed_commands,
    check_command,
    check_move,
    needs_a_worker,
)

_S = ConnectionState


def test_every_state_has_its_row() -> None:
    assert set(MOVES) == set(ConnectionState)


@pytest.mark.parametrize(("current", "to"), list(product(ConnectionState, repeat=2)))
def test_only_moves_of_the_table_are_legal(current: ConnectionState, to: ConnectionState) -> None:
    if to is current or to in MOVES[current]:
        check_move(current, to)
    else:
        with pytest.raises(IllegalMoveError):
            check_move(current, to)


@pytest.mark.parametrize("state", ConnectionState)
def test_every_state_can_be_left_towards_a_new_start(state: ConnectionState) -> None:
    reached, frontier = {state}, {state}
    while frontier:
        frontier = {to for each in frontier for to in MOVES[each]} - reached
        reached |= frontier
    assert reached >= {ConnectionState.STARTING, ConnectionState.STOPPED}


def test_a_resting_connection_becomes_connected_only_by_a_start() -> None:
    resting = [state for state in ConnectionState if not needs_a_worker(state)]
    assert {ConnectionState.CONNECTED, ConnectionState.DEGRADED}.isdisjoint(
        set().union(*(MOVES[state] for state in resting))
    )


def test_degraded_is_reached_from_connected_only() -> None:
    sources = {state for state in ConnectionState if ConnectionState.DEGRADED in MOVES[state]}
    assert sources == {ConnectionState.CONNECTED}


@pytest.mark.parametrize(
    ("state", "reason", "actor"),
    [
        (_S.CONNECTED, None, Actor.NOBODY),
        (_S.AWAITING_SCAN, Reason.QR_SHOWN, Actor.PHONE),
        (_S.STOPPED, None, Actor.ADMIN),
        (_S.LOGGED_OUT, Reason.UNLINKED, Actor.ADMIN),
        (_S.LOGGED_OUT, Reason.ACCOUNT_LOCKED, Actor.PHONE),
        (_S.DISCONNECTED, Reason.NETWORK_DOWN, Actor.WORKER),
        (_S.DISCONNECTED, Reason.DISK_FULL, Actor.OPERATOR),
    ],
)
def test_a_reason_can_say_better_who_acts_next_than_the_state(
    state: ConnectionState, reason: Reason | None, actor: Actor
) -> None:
    assert acts_next(state, reason, timedelta(0)) is actor


def test_somebody_has_to_see_to_a_connection_that_no_worker_takes() -> None:
    waiting = (_S.STARTING, Reason.WAITING_FOR_WORKER)
    assert acts_next(*waiting, WORKER_SOON) is Actor.WORKER
    assert acts_next(*waiting, WORKER_SOON + timedelta(seconds=1)) is Actor.OPERATOR
    assert acts_next(_S.STARTING, Reason.PAGE_LOADING, timedelta(hours=1)) is Actor.WORKER


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("state", ConnectionState)
def test_what_is_said_to_be_allowed_is_not_refused(state: ConnectionState, linked: bool) -> None:
    for command in allowed_commands(state, linked=linked):
        check_command(command, state, None)


def test_only_a_connection_with_a_phone_is_logged_out_and_only_one_without_is_linked() -> None:
    assert Command.LOGOUT in allowed_commands(_S.STOPPED, linked=True)
    assert Command.LOGOUT not in allowed_commands(_S.STOPPED, linked=False)
    assert Command.LINK in allowed_commands(_S.STARTING, linked=False)
    assert Command.LINK not in allowed_commands(_S.STARTING, linked=True)
    assert Command.LINK in allowed_commands(_S.LOGGED_OUT, linked=True)
