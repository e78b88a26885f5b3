"""HTML that is kept for emergencies: only of pages that worked, and only while it helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from chatgrow_worker.page.answering import Document
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.snapshot import About, PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.whatsapp_change.emergency_html import EmergencyHtml, HtmlOfPage
from sessions.connections.states import Reason
from sessions.whatsapp.saved_html import MOST_BYTES, SavedHtml, SavedHtmlStore
from tests.integration.ready_pages import READY

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

_NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
_URL = "https://web.example.org/"
_HTML = SavedHtml(
    _URL, b"<!doctype html>", {"content-security-policy": "default-src 'self'"}, "2.3", _NOW
)
_WORTH_KEEPING = Document(b"<html>served", {"content-type": "text/html"})


class Page:
    """What a page tells of its HTML."""

    def __init__(self, served: Document | None = _WORTH_KEEPING) -> None:
        self.served = served
        self.has_sent = False
        self.left_with_a_reason = False

    async def about(self) -> About:
        return About(version="2.4", manifest=None)


class Case:
    """One connection whose pages are opened from what an operator wants."""

    def __init__(self, database: Database) -> None:
        self.store = SavedHtmlStore(cast("Any", database))
        self.html = EmergencyHtml(self.store, _URL, lambda: _NOW)

    async def switched_on(self) -> Case:
        await self.store.save(_HTML)
        await self.store.switch(True, _NOW)
        return self

    async def opens(self) -> tuple[Document | None, Page, HtmlOfPage]:
        document = await self.html.for_opening("one")
        page = Page(None if document else _WORTH_KEEPING)
        return document, page, HtmlOfPage(self.html, "one", cast("WhatsAppPage", page))


@pytest.fixture
def case(database: Database) -> Case:
    return Case(database)


async def test_pages_are_what_whatsapp_serves_unless_an_operator_says_otherwise(case: Case) -> None:
    await case.store.save(_HTML)
    assert await case.store.to_serve(_URL, _NOW) is None
    await case.store.switch(True, _NOW)
    assert await case.store.to_serve(_URL, _NOW) == _HTML
    await case.store.switch(False, _NOW)
    assert await case.store.to_serve(_URL, _NOW) is None


async def test_what_is_older_than_two_weeks_or_from_elsewhere_is_not_used(case: Case) -> None:
    await case.switched_on()
    assert await case.store.to_serve(_URL, _NOW + timedelta(days=13, hours=23)) == _HTML
    assert await case.store.to_serve(_URL, _NOW + timedelta(days=14)) is None
    assert await case.store.to_serve("https://else.example.org/", _NOW) is None


async def test_what_came_to_harm_or_is_too_large_is_not_used(
    case: Case, database: Database
) -> None:
    await case.switched_on()
    assert not await case.store.save(replace(_HTML, body=bytes(MOST_BYTES + 1)))
    assert await case.store.to_serve(_URL, _NOW) == _HTML
    await database["savedHtml"].update_one({"_id": "html"}, {"$set": {"sha256": "0" * 64}})
    assert await case.store.to_serve(_URL, _NOW) is None


async def test_what_was_given_up_is_tried_again_when_switched_on_anew_or_when_it_is_new(
    case: Case,
) -> None:
    await case.switched_on()
    assert await case.store.give_up(_HTML.sha256, "no", _NOW)
    assert not await case.store.give_up(_HTML.sha256, "told once", _NOW)
    assert await case.store.to_serve(_URL, _NOW) is None
    await case.store.switch(True, _NOW)
    assert await case.store.to_serve(_URL, _NOW) == _HTML
    await case.store.give_up(_HTML.sha256, "no", _NOW)
    newer = replace(_HTML, body=b"<html>newer")
    await case.store.save(newer)
    assert await case.store.to_serve(_URL, _NOW) == newer


async def test_html_is_kept_of_a_page_that_has_sent(case: Case) -> None:
    _, page, html = await case.opens()
    await html.look(PageState.READY, READY)
    assert (await case.store.status()).sha256 is None
    page.has_sent = True
    await html.look(PageState.READY, READY)
    assert (await case.store.status()).version == "2.4"
    assert page.served is None, "it is not held longer than it is needed"
    await case.store.switch(True, _NOW)
    assert await case.html.for_opening("one") == _WORTH_KEEPING


async def test_html_of_another_load_than_the_one_that_sent_is_not_kept(case: Case) -> None:
    _, page, html = await case.opens()
    await html.look(PageState.READY, READY)
    page.has_sent = True
    await html.look(PageState.READY, READY.model_copy(update={"epoch": "another"}))
    assert (await case.store.status()).sha256 is None


async def test_a_page_whose_version_is_refused_is_opened_from_what_whatsapp_serves(
    case: Case,
) -> None:
    await case.switched_on()
    document, _, html = await case.opens()
    assert document is not None
    assert document.headers == _HTML.headers
    for state in (PageState.LOADING, PageState.READY, PageState.LOADING):
        await html.look(state, None)
    with pytest.raises(PageBrokenError):
        await html.look(PageState.OUTDATED, None)
    document, _, html = await case.opens()
    assert document is None
    given_up = (await case.store.status()).given_up
    assert given_up is not None
    assert "version" in given_up.why


async def test_a_page_that_logs_out_for_a_reason_of_whatsapps_is_refused(case: Case) -> None:
    await case.switched_on()
    _, page, html = await case.opens()
    page.left_with_a_reason = True
    await html.look(PageState.QR, READY)
    assert (await case.store.status()).given_up is not None


async def test_what_does_not_come_up_is_given_up_only_when_what_whatsapp_serves_does(
    case: Case,
) -> None:
    await case.switched_on()
    saved, _, _ = await case.opens()
    assert saved is not None
    case.html.broke("one", Reason.PAGE_LOADING)
    live, _, _ = await case.opens()
    assert live is None
    case.html.broke("one", Reason.PAGE_LOADING)  # neither comes up: it is not the HTML
    saved, _, _ = await case.opens()
    assert saved is not None
    assert (await case.store.status()).given_up is None
    case.html.broke("one", Reason.PAGE_LOADING)
    live, _, html = await case.opens()
    assert live is None
    await html.look(PageState.READY, READY)
    assert (await case.store.status()).given_up is not None
