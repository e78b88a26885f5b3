"""The rules: which remedy is tried when, and when it begins anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import pytest

from chatgrow_worker.connection.recovery import Recovery, RecoveryRule, Remedy, Tries
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.common.errors import LeaseLostError
from sessions.connections.states import Reason

_NOW = timedelta(0)
_LONG = timedelta(hours=1)
_BOTH = (Remedy.RELOAD, Remedy.NEW_BROWSER)
_DEAD = RecoveryRule(_NOW, _BOTH, Reason.LINE_LOST)


class _Page:
    def __init__(self) -> None:
        self.reloads = 0

    async def reload(self, _limit: timedelta) -> None:
        self.reloads += 1


def _recovery(
    page: _Page, rules: Mapping[PageState, RecoveryRule], tried: Tries, *, leased: bool = True
) -> Recovery:
    def check_lease() -> None:
        if not leased:
            raise LeaseLostError("not ours for certain")

    return Recovery(cast("WhatsAppPage", page), rules, _LONG, check_lease, tried)


async def test_a_line_that_stays_dead_is_reloaded_then_gets_a_new_browser() -> None:
    page, tried = _Page(), Tries()
    recovery = _recovery(page, {PageState.LINE_DEAD: _DEAD}, tried)
    await recovery.consider(PageState.LINE_DEAD)
    assert page.reloads == 1
    with pytest.raises(PageBrokenError) as broken:
        await recovery.consider(PageState.LINE_DEAD)
    assert broken.value.reason is Reason.LINE_LOST
    await recovery.consider(PageState.READY)
    await recovery.consider(PageState.LINE_DEAD)
    assert page.reloads == 2


async def test_the_page_is_given_time_to_help_itself() -> None:
    page, tried = _Page(), Tries()
    patient = RecoveryRule(_LONG, _BOTH, Reason.LINE_LOST)
    await _recovery(page, {PageState.LINE_DEAD: patient}, tried).consider(PageState.LINE_DEAD)
    assert page.reloads == 0


async def test_a_login_is_not_taken_back_unless_the_lease_is_certain() -> None:
    page, tried = _Page(), Tries()
    rule = RecoveryRule(_NOW, (Remedy.RELOAD,), Reason.REPLACED, grows_to=_LONG)
    recovery = _recovery(page, {PageState.REPLACED: rule}, tried, leased=False)
    with pytest.raises(LeaseLostError):
        await recovery.consider(PageState.REPLACED)
    assert (page.reloads, tried) == (0, {})


async def test_a_remedy_that_helps_for_a_moment_only_comes_later_each_time() -> None:
    rule = RecoveryRule(
        timedelta(seconds=10), _BOTH, Reason.REPLACED, grows_to=timedelta(minutes=1)
    )
    waits = [rule.patience_after(tries).total_seconds() for tries in range(5)]
    assert waits == [10, 20, 40, 60, 60]
    page, tried = _Page(), {PageState.REPLACED: 3, PageState.LINE_DEAD: 1}
    rules = {PageState.REPLACED: rule, PageState.LINE_DEAD: _DEAD}
    await _recovery(page, rules, tried).consider(PageState.READY)
    assert tried == {PageState.REPLACED: 3}


async def test_after_long_enough_it_comes_soon_again() -> None:
    page, tried = _Page(), {PageState.REPLACED: 3}
    rule = RecoveryRule(_NOW, (Remedy.RELOAD,), Reason.REPLACED, grows_to=_NOW)
    await _recovery(page, {PageState.REPLACED: rule}, tried).consider(PageState.READY)
    assert tried == {}
