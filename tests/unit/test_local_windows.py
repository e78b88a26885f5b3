"""Counters in the process: they slide as those in Redis do, and nobody can make them grow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from control_api.rate_limits.bounded_table import BoundedTable
from control_api.rate_limits.local_windows import LocalWindows
from control_api.rate_limits.rules import Rule, grows_in

MINUTE = timedelta(minutes=1)


class Later:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Count:
    """What a table of the test's own counts."""

    over_at: float
    number: int = 0


def _allowed(windows: LocalWindows, rule: Rule, times: int, who: str = "dana") -> int:
    return sum(windows.charge(rule, (who,)).standing.allowed for _ in range(times))


def test_what_was_counted_weighs_less_and_less_in_the_next_window() -> None:
    clock, rule = Later(), Rule("test", 10, MINUTE)
    windows = LocalWindows(clock)
    assert _allowed(windows, rule, 15) == 10
    clock.now += 59
    assert _allowed(windows, rule, 5) == 0
    clock.now += 31  # the middle of the next window: half of the ten still count
    assert _allowed(windows, rule, 15) == 5
    clock.now += 300
    assert _allowed(windows, rule, 15) == 10


def test_what_is_refused_says_when_more_is_allowed() -> None:
    clock, rule = Later(), Rule("test", 2, MINUTE)
    windows = LocalWindows(clock)
    assert [windows.charge(rule, ("dana",)).standing.remaining for _ in range(3)] == [1, 0, 0]
    clock.now += 20
    refused = windows.charge(rule, ("dana",)).standing
    assert (refused.allowed, refused.resets_in) == (False, 40)
    assert _allowed(windows, rule, 1, who="noa") == 1


@pytest.mark.parametrize(
    ("before", "left", "seconds"),
    [(0, 60.0, 60), (0, 120.0, 60), (0, 59.5, 60), (0, 0.2, 1), (6, 60.0, 10), (6, 41.0, 1)],
)
def test_a_window_grows_when_the_next_count_of_the_one_before_slides_out(
    before: int, left: float, seconds: int
) -> None:
    assert grows_in(Rule("test", 10, MINUTE), before, left) == seconds


def test_what_is_given_back_or_forgotten_does_not_count() -> None:
    rule = Rule("test", 2, MINUTE)
    windows = LocalWindows(Later())
    assert _allowed(windows, rule, 3) == 2
    windows.give_back(rule, ("dana",))
    assert _allowed(windows, rule, 3) == 1
    windows.forget(rule, ("dana",))
    assert _allowed(windows, rule, 3) == 2


def test_a_flood_of_names_neither_grows_a_table_nor_empties_it() -> None:
    clock = Later()
    table = BoundedTable(lambda: Count(clock.now + 60), clock, own=100, shared=10)
    victim, own = table.find("login", ("victim",))
    victim.number = 5
    assert own
    flood = [table.find("login", (str(number),))[0] for number in range(5000)]
    for each in flood:
        each.number += 1
    assert len(table) <= 110
    assert table.find("login", ("victim",)) == (victim, True)
    # What has no entry of its own is counted all the same, with others.
    assert sum({id(each): each.number for each in flood}.values()) == 5000
    clock.now += 61
    entry, own = table.find("login", ("somebody else",))
    assert (entry.number, own) == (0, True)
