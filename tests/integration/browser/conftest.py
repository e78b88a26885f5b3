"""What tests of browsers share: a driver, and a page that is linked once for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.launcher import Launcher
from tests.integration.browser.launching import CONNECTION, driving, link, make_launcher
from tests.integration.browser.one_page import THEIR_PHONE, OnePage
from tests.whatsapp_web import WhatsAppWeb, whatsapp_web
from tests.whatsapp_web.beside import whatsapp_web_beside


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WhatsAppWeb]:
    """Serve WhatsApp Web; its pages synchronise quickly."""
    async with whatsapp_web(tmp_path / "web") as web, aiohttp.ClientSession(web.url) as http:
        await http.put("/control/faults", json={"syncMs": 200})
        yield web


@pytest.fixture(scope="package")
async def driver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    """Run a driver; a test that ends it has one of its own."""
    async with driving(tmp_path_factory.mktemp("driver")) as driver:
        # Not first by a test: what a test has started ends with it.
        await driver.chromium()
        yield driver


@pytest.fixture
def launcher(driver: Driver, tmp_path: Path, web: WhatsAppWeb) -> Launcher:
    """Give a test a launcher with all savings."""
    return make_launcher(driver, web.url, tmp_path / "profiles")


@pytest.fixture(scope="package")
async def linked_page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OnePage]:
    """Link a page for many tests; its driver has no other browser, nor do other drivers have it."""
    folder = tmp_path_factory.mktemp("page")
    with whatsapp_web_beside(folder / "web") as web:
        async with (
            driving(folder) as driver,
            aiohttp.ClientSession(web.url) as http,
            make_launcher(driver, web.url, folder / "profiles").open(CONNECTION) as browser,
        ):
            await link(browser.page, web)
            await http.post("/control/phones", json={"number": THEIR_PHONE})
            yield OnePage(browser.page, http)


@pytest.fixture
async def one(linked_page: OnePage) -> OnePage:
    """Give a test the page that is linked, without faults."""
    await linked_page.begin_anew()
    return linked_page
