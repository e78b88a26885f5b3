"""What WhatsApp served, and that a message has gone out, belong to one load of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import pytest

from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.messages.content import Text

if TYPE_CHECKING:
    from playwright.async_api import Page

LIMIT = timedelta(seconds=5)
SENT = {"ok": True, "value": {"state": "done", "result": "OK", "ack": 1}}


@dataclass
class Served:
    """WhatsApp's answer to a navigation."""

    on_read: Callable[[], None] = lambda: None
    status = HTTPStatus.OK

    async def body(self) -> bytes:
        self.on_read()
        return b"<html>"

    async def all_headers(self) -> dict[str, str]:
        return {"content-type": "text/html"}


@dataclass
class Tab:
    """A browser's page that goes wherever it is told to, and sends whatever it is told to."""

    answer: Served

    async def goto(self, *_asked: object, **_options: object) -> Served:
        return self.answer

    reload = goto

    async def evaluate(self, *_asked: object) -> Any:
        return SENT


async def _opened_and_sent() -> WhatsAppPage:
    page = WhatsAppPage(cast("Page", Tab(Served())), asyncio.Event(), LIMIT)
    await page.open("https://web.example.org/", LIMIT)
    page.hear("first", "loaded")
    await page.send("key", "chat", Text(text="text"))
    assert page.served is not None
    assert page.has_sent
    return page


async def test_a_page_that_loads_itself_anew_has_proven_nothing_yet() -> None:
    page = await _opened_and_sent()
    page.hear("second", "loaded")
    assert page.served is None
    assert not page.has_sent


@pytest.mark.parametrize("heard", [True, False])
async def test_a_page_that_is_loaded_anew_has_proven_nothing_yet(heard: bool) -> None:
    page = await _opened_and_sent()
    await page.reload(LIMIT)
    if heard:
        page.hear("second", "loaded")
    assert page.served is None
    assert not page.has_sent


async def test_html_is_not_kept_of_a_page_that_went_elsewhere_while_it_was_read() -> None:
    tab = Tab(Served())
    page = WhatsAppPage(cast("Page", tab), asyncio.Event(), LIMIT)

    def load_itself_anew() -> None:
        page.hear("first", "loaded")
        page.hear("second", "loaded")

    tab.answer.on_read = load_itself_anew
    await page.open("https://web.example.org/", LIMIT)
    assert page.served is None
