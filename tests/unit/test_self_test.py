"""A page's functions count as missing when one load lacks them for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from chatgrow_worker.page.snapshot import Look
from chatgrow_worker.whatsapp_change.self_test import SelfTest
from tests.integration.ready_pages import READY

MISSING = ("WPP.whatsapp.functions.addAndSendMsgToChat",)


@dataclass
class Clock:
    now: float = 0

    def __call__(self) -> float:
        return self.now


def _look(epoch: str = "one", *, missing: tuple[str, ...] = MISSING, readable: bool = True) -> Look:
    return Look(epoch=epoch, snapshot=READY if readable else None, missing=missing)


def _lacks(test: SelfTest) -> tuple[str, ...]:
    return test.lacks


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def test(clock: Clock) -> SelfTest:
    return SelfTest(timedelta(seconds=5), clock)


def test_what_is_missing_for_a_while_is_missing(clock: Clock, test: SelfTest) -> None:
    test.note(_look(), ready=True)
    assert _lacks(test) == ()
    clock.now = 5
    test.note(_look(), ready=True)

    assert _lacks(test) == MISSING
    assert not test.unreadable


def test_a_load_is_judged_by_its_own_time(clock: Clock, test: SelfTest) -> None:
    test.note(_look(), ready=True)
    clock.now = 5
    test.note(_look("two"), ready=True)

    assert _lacks(test) == ()


def test_a_page_that_loads_anew_lacks_it_until_it_is_ready_with_it(
    clock: Clock, test: SelfTest
) -> None:
    test.note(_look(), ready=True)
    clock.now = 5
    test.note(_look(), ready=True)
    test.note(None, ready=False)
    test.note(_look("two", missing=()), ready=False)
    assert _lacks(test) == MISSING
    test.note(_look("two", missing=()), ready=True)

    assert _lacks(test) == ()


def test_a_page_whose_state_cannot_be_read_has_longer(clock: Clock, test: SelfTest) -> None:
    test.note(_look(readable=False), ready=False)
    clock.now = 14
    test.note(_look(readable=False), ready=False)
    assert _lacks(test) == ()
    clock.now = 15
    test.note(_look(readable=False), ready=False)

    assert test.unreadable
