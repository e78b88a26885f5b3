"""The table of legal moves."""

from itertools import product

import pytest

from sessions.common.errors import IllegalMoveError
from sessions.connections.states import MOVES, ConnectionState, check_move, needs_a_worker


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
