"""Open pages as a worker does: its driver, its launcher, and the scan that links a page."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import psutil

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.options import BrowserOptions, find_chromium
from chatgrow_worker.browser.savings import ALL, Saving, Savings
from chatgrow_worker.browser.temporary import own_temporary_folder
from chatgrow_worker.page.answering import Document
from chatgrow_worker.page.script import init_script, read_wa_js
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.settings import WorkerSettings
from tests.integration.scripted_pages import until_it_shows
from tests.waiting import until
from tests.whatsapp_web import WhatsAppWeb

CONNECTION = "01aaaaaaaaaaaaaaaaaaaaaaaa"
PHONE = "+972501111111"
THEM = "972501234567@c.us"


@asynccontextmanager
async def driving(root: Path) -> AsyncIterator[Driver]:
    """Run a driver, whose temporary folder is remembered in `root`."""
    with own_temporary_folder(root) as temporary:
        driver = Driver(temporary)
        yield driver
        await driver.close()


def process_of(driver: Driver) -> psutil.Process:
    """Return the driver's process; other tests have drivers of their own here."""
    assert driver._process is not None
    return driver._process


def make_launcher(
    driver: Driver,
    url: str,
    root: Path,
    browser: Path | None = None,
    *,
    sandbox: bool = os.geteuid() != 0,
    savings: Savings = ALL,
    saved: Document | None = None,
) -> Launcher:
    """Make a launcher of the browser there is, or of this one; pages are opened from `saved`."""

    async def saved_html(_connection: str) -> Document | None:
        return saved

    wa_js = WorkerSettings.model_fields["wa_js_path"].default
    limit = timedelta(seconds=30)
    options = BrowserOptions(
        executable=find_chromium(browser),
        sandbox=sandbox,
        savings=savings,
        url=f"{url}/",
        script=init_script(read_wa_js(wa_js), url, "Test", hide=Saving.HIDDEN_PAGE in savings),
        call_limit=timedelta(seconds=10),
        launch_limit=limit,
        close_limit=timedelta(seconds=5),
    )
    return Launcher(driver, options, root, saved_html)


async def link(page: WhatsAppPage, web: WhatsAppWeb) -> None:
    """Scan what the page shows, and wait until it can send."""
    await until_it_shows(page, PageState.QR)
    codes: list[str] = []

    async def shown() -> bool:
        code = await page.qr_code()
        codes.extend([code.text] if code else [])
        return bool(code)

    await until(shown)
    async with aiohttp.ClientSession(web.url) as http:
        await http.post("/control/phones", json={"number": PHONE})
        scan = await http.post(f"/control/phones/{PHONE}/scan", json={"code": codes[-1]})
        assert scan.status == 200
    await until_it_shows(page, PageState.READY)
