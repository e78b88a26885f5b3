"""What a page shows counts when it goes on showing it."""

from __future__ import annotations

from datetime import timedelta

from chatgrow_worker.connection.steady import Steady


def test_only_what_stays_in_one_load_of_the_page_holds() -> None:
    now = 0.0
    shown = Steady(timedelta(seconds=1), lambda: now)

    def looked_at(at: float, epoch: str) -> bool:
        nonlocal now
        now = at
        return shown.holds(epoch)

    assert not looked_at(0, "one")
    assert not looked_at(0.9, "one")
    assert not looked_at(1.1, "two")
    assert looked_at(2.1, "two")
    shown.ends()
    assert not looked_at(9, "two")
    assert looked_at(10, "two")
