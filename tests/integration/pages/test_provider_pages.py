"""Who gets the pages of the business side, and who gets JSON at the same paths."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from tests.integration.conftest import KEY
from tests.integration.pages.dashboard import EMAIL, PASSWORD
from tests.integration.services import services_with

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services

    Client = TestClient[web.Request, web.Application]

HTML, JSON = "text/html", "application/json"
BROWSER = {"Accept": f"{HTML},application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ONLY_PAGES = ("dashboard", "automations", "events", "templates", "subscribers", "campaigns")
SHARED = ("customers", "customers/000000000000000000customer", "stats")


@pytest.fixture
async def dana(stranger: Client) -> Client:
    """Sign in the first administrator."""
    form = {"email": EMAIL, "password": PASSWORD, "setupToken": KEY}
    answer = await stranger.post("/dashboard/sign-in", data=form, allow_redirects=False)
    assert answer.status == 303
    return stranger


@pytest.fixture
async def without(services: Services) -> AsyncIterator[Client]:
    """Serve the API without the business side."""
    app = build_app(services_with(services, business=None))
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        yield client


async def test_a_browser_gets_every_page(dana: Client) -> None:
    for name in (*ONLY_PAGES, *SHARED):
        answer = await dana.get(f"/provider/{name}", headers=BROWSER)
        assert (answer.status, answer.content_type) == (200, HTML), name
        assert ("Accept" in answer.headers["Vary"].split(", ")) == (name in SHARED), name


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", JSON),
        ("", JSON),
        (JSON, JSON),
        (HTML, HTML),
        (f"{HTML};q=0.4, {JSON}", JSON),
        (f"{JSON};q=0.4, {HTML};level=1;q=0.5", HTML),
        (f"{HTML};q=0, */*", JSON),
    ],
)
async def test_a_shared_path_answers_with_what_is_preferred(
    dana: Client, accept: str, expected: str
) -> None:
    answer = await dana.get("/provider/customers", headers={"Accept": accept})
    assert (answer.status, answer.content_type) == (200, expected)
    assert "Accept" in answer.headers["Vary"].split(", ")


async def test_a_missing_customer_is_a_problem_for_programs(client: Client) -> None:
    answer = await client.get(f"/provider/{SHARED[1]}")
    assert (answer.status, (await answer.json())["code"]) == (404, "customer_not_found")


@pytest.mark.parametrize("name", ["dashboard", "customers"])
async def test_a_stranger_signs_in_and_comes_to_the_page(stranger: Client, name: str) -> None:
    answer = await stranger.get(f"/provider/{name}", headers=BROWSER, allow_redirects=False)
    assert answer.status == 303
    form = {"email": EMAIL, "password": PASSWORD, "setupToken": KEY}
    view = answer.headers["Location"].partition("?view=")[2]
    entered = {**form, "view": view}
    there = await stranger.post("/dashboard/sign-in", data=entered, allow_redirects=False)
    assert there.headers["Location"] == f"../provider/{name}"


async def test_a_stranger_without_a_browser_is_refused_in_json(stranger: Client) -> None:
    answer = await stranger.get("/provider/customers")
    assert (answer.status, answer.content_type) == (401, "application/problem+json")


@pytest.mark.parametrize("name", ["dashboard", "stats"])
async def test_without_the_scope_there_is_a_page_that_says_so(client: Client, name: str) -> None:
    key = {"name": "reader", "scopes": ["read"]}
    made = await (await client.post("/api/api-keys", json=key)).json()
    headers = {**BROWSER, "X-Api-Key": made["key"]}
    answer = await client.get(f"/provider/{name}", headers=headers)
    assert (answer.status, answer.content_type) == (403, HTML)
    assert "You may not see this" in await answer.text()


async def test_an_unknown_page_is_told_as_the_caller_reads(client: Client) -> None:
    for headers, kind in ((BROWSER, HTML), ({}, "application/problem+json")):
        answer = await client.get("/provider/nothing", headers=headers)
        assert (answer.status, answer.content_type) == (404, kind)
    answer = await client.get("/provider", headers=BROWSER, allow_redirects=False)
    assert answer.headers["Location"] == "./provider/dashboard"


async def test_without_the_business_side_there_is_no_page_and_nothing_leads_there(
    without: Client,
) -> None:
    for name in ("", *ONLY_PAGES, *SHARED):
        answer = await without.get(f"/provider/{name}", headers=BROWSER)
        assert answer.status == 404, name
    without.session.headers.pop("X-Api-Key")
    form = {"email": EMAIL, "password": PASSWORD, "setupToken": KEY, "view": "today"}
    answer = await without.post("/dashboard/sign-in", data=form, allow_redirects=False)
    assert answer.headers["Location"] == "../dashboard"
    page = await (await without.get("/dashboard")).text()
    assert "provider/" not in page
    assert "../dashboard/health" not in page
    assert "dashboard/health" in page
