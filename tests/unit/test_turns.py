"""The order in which free connections are taken."""

from __future__ import annotations

from chatgrow_worker.pool.takeover_order import in_turn
from sessions.connections.leases import FreeConnection

FREE = [FreeConnection(each, each[0]) for each in ("a1", "a2", "a3", "b1", "b2", "c1")]


def test_owners_come_in_turn_each_with_their_longest_queue() -> None:
    waiting = {"a1": 70, "a2": 90, "a3": 80, "b2": 5, "c1": 10}
    assert in_turn(FREE, {}, waiting) == ["a2", "c1", "b2", "a3", "b1", "a1"]


def test_what_runs_already_was_a_turn_too() -> None:
    waiting = {"a1": 70, "c1": 10}
    assert in_turn(FREE, {"a": 2, "c": 1}, waiting) == ["b1", "c1", "b2", "a1", "a2", "a3"]


def test_without_queues_the_oldest_comes_first() -> None:
    assert in_turn(FREE, {}, {}) == ["a1", "b1", "c1", "a2", "b2", "a3"]
