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
    page.hear("one", "account_locked")
    assert page.bell.is_set()
    page.tell(end)
    assert end.reason is Reason.ACCOUNT_LOCKED


def _hear(page: WhatsAppPage, *words: str) -> Reason:
    """Return why the login has ended, when these words are all that was told."""
    for word in words:
        page.hear("", word)
    end = LoginEnd()
    page.tell(end)
    return end.reason


@pytest.mark.parametrize("sign", ["wiping", "logged_out"])
def test_a_page_that_comes_back_by_itself_from_a_wipe_was_unlinked(sign: str) -> None:
    assert _hear(_page(), "starting_logout", sign, "loaded") is Reason.UNLINKED
    assert _hear(_page(), sign, "wipe_failed", "loaded") is Reason.UNLINKED


@pytest.mark.parametrize(
    "words",
    [
        ("starting_logout", "wiping", "logged_out"),  # and the browser died
        ("wipe_failed", "loaded"),  # the mark of a wipe was found, and why it was begun is unknown
        ("starting_logout", "loaded"),
        ("wiped",),
        ("own_logout", "wiping", "loaded"),
        ("wiping", "client_fatal", "loaded"),
        ("wiping", "other_reason", "loaded"),
    ],
)
def test_what_does_not_prove_that_a_login_was_revoked_leaves_the_saved_one(
    words: tuple[str, ...],
) -> None:
    assert _hear(_page(), *words) is Reason.LOGIN_LOST


async def test_a_load_that_we_asked_for_is_no_end_of_a_wipe() -> None:
    page = _page(_Tab())
    await page.open("http://127.0.0.1/", timedelta(seconds=1))
    assert _hear(page, "loaded", "wiping") is Reason.LOGIN_LOST
    await page.reload(timedelta(seconds=1))
    assert _hear(page, "loaded") is Reason.LOGIN_LOST
    assert _hear(page, "loaded") is Reason.LOGIN_LOST


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


def test_only_what_is_certain_gives_the_saved_login_up() -> None:
    for sign in EndSign:
        end = LoginEnd()
        end.hear("one", [sign])
        certain = sign in (EndSign.WIPED, EndSign.ACCOUNT_LOCKED)
        assert (end.reason is not Reason.LOGIN_LOST) is certain


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
