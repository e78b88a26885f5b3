"""What a page tells of the end of its login, and what runs in it cannot tell."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from chatgrow_worker.page.login_end import EndSign, LoginEnd
from chatgrow_worker.page.snapshot import Ban
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.connections.states import Reason

if TYPE_CHECKING:
    from playwright.async_api import Page


def _page(browser_page: object = None) -> WhatsAppPage:
    return WhatsAppPage(cast("Page", browser_page), asyncio.Event(), timedelta(seconds=1))


class _Tab:
    """A browser's page that goes wherever it is told to."""

    async def goto(self, *_asked: object, **_options: object) -> None:
        return None

    reload = goto


def test_words_of_a_load_that_ended_are_handed_on() -> None:
    page, end = _page(), LoginEnd()
    page.hear("one", "starting_logout")
    assert page.bell.is_set()
    page.tell(end)
    assert str(end.reason) == "unlinked"
    page.hear("two", "account_locked")
    page.tell(end)
    assert str(end.reason) == "account_locked"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("one",),
        ("one", "sell everything"),
        ("one", 3),
        (None, "logged_out"),
        ("e" * 33, "logged_out"),
        ("one", "logged_out", "more"),
        ("one", ["logged_out"]),
    ],
)
def test_what_is_no_word_of_ours_only_rings(words: tuple[object, ...]) -> None:
    page, end = _page(), LoginEnd()
    page.hear(*words)
    page.tell(end)
    assert page.bell.is_set()
    assert end.reason is Reason.LOGIN_LOST


def test_every_sign_has_a_meaning_and_alone_decides() -> None:
    for sign in EndSign:
        end = LoginEnd()
        end.hear("one", [sign])
        lost = sign in (EndSign.CLIENT_FATAL, EndSign.SYNC_FAILED, EndSign.HISTORY_TIMEOUT)
        assert (end.reason is Reason.LOGIN_LOST) is lost


async def test_a_load_that_we_asked_for_is_no_restart_of_the_page() -> None:
    page = _page(_Tab())
    await page.open("http://127.0.0.1/", timedelta(seconds=1))
    page.hear("one", "loaded")
    await page.reload(timedelta(seconds=1))
    page.hear("two", "loaded")
    assert page.restarts == 0
    page.hear("three", "loaded")
    assert page.restarts == 1


def test_a_ban_ends_within_a_year_whatever_the_page_says() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    assert Ban(until=now.timestamp() * 1000 + 5000).ends_at(now) == now + timedelta(seconds=5)
    assert Ban(until=1e300).ends_at(now) == now + timedelta(days=366)
