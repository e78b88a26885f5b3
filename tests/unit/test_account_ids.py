"""What a page answers to a number check is used and remembered only if it can be an account."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from tests.builders import LONG

if TYPE_CHECKING:
    from playwright.async_api import Page


def _page_that_answers(account: object) -> WhatsAppPage:
    async def evaluate(_script: str, _call: object) -> object:
        return {"ok": True, "value": account}

    return WhatsAppPage(cast("Page", SimpleNamespace(evaluate=evaluate)), asyncio.Event(), LONG)


@pytest.mark.parametrize("account", ["551187654321@c.us", "98765432109876@lid", None])
async def test_an_account_is_told(account: str | None) -> None:
    assert await _page_that_answers(account).account_of("5511987654321@c.us") == account


@pytest.mark.parametrize(
    "answer", ["120363040000000000@g.us", "status@broadcast", "@c.us", "1@c.us\n", "{}", True, 7]
)
async def test_what_can_be_no_account_is_an_error(answer: object) -> None:
    with pytest.raises(PageCallError):
        await _page_that_answers(answer).account_of("5511987654321@c.us")
