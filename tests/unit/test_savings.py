"""What saves memory in browsers: one list, of which only what is proven is on without a setting."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chatgrow_worker.browser.savings import (
    ALL,
    KNOWN,
    NONE,
    PROVEN,
    Saving,
    read_savings,
    switches_of,
)
from chatgrow_worker.settings import WorkerSettings


def test_every_saving_is_in_the_list_and_says_what_it_does_and_saves() -> None:
    assert set(KNOWN) == set(Saving)
    assert all(len(facts.does) > 10 and len(facts.saves) > 1 for facts in KNOWN.values())


def test_without_a_setting_only_what_has_a_source_is_on() -> None:
    chosen = WorkerSettings(_env_file=None).savings
    assert chosen == PROVEN
    assert chosen == {each for each in Saving if KNOWN[each].source}
    assert Saving.HIDDEN_PAGE not in chosen


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("all", ALL),
        ("none", NONE),
        ("proven, no_zygote", PROVEN | {Saving.NO_ZYGOTE}),
        ("hidden_page,collect_garbage", {Saving.HIDDEN_PAGE, Saving.COLLECT_GARBAGE}),
    ],
)
def test_savings_are_chosen_by_name(text: str, chosen: frozenset[Saving]) -> None:
    assert WorkerSettings(_env_file=None, browser_savings=text).savings == chosen


def test_a_name_that_is_in_no_list_is_refused() -> None:
    with pytest.raises(ValidationError, match="'no_browser' is none of"):
        WorkerSettings(_env_file=None, browser_savings="none,no_browser")


def test_a_browser_without_savings_gets_no_switch_of_theirs() -> None:
    assert switches_of(NONE, sandbox=True) == []


def test_features_are_put_into_one_switch_each() -> None:
    chosen = read_savings("network_in_process,no_spare_renderer,no_zygote")
    assert switches_of(chosen, sandbox=True) == [
        "--no-unsandboxed-zygote",
        "--enable-features=NetworkServiceInProcess2",
        "--disable-features=SpareRendererForSitePerProcess",
    ]
