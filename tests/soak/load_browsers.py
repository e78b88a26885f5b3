"""Browsers on a page that writes without end, and on what was saved of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.options import BrowserOptions, find_chromium
from chatgrow_worker.browser.savings import ALL
from chatgrow_worker.page.script import init_script, read_wa_js
from chatgrow_worker.settings import WorkerSettings

_PAGE = Path(__file__).with_name("load_page.html")


@asynccontextmanager
async def load_site() -> AsyncIterator[str]:
    """Serve the page on loopback."""
    text = _PAGE.read_text(encoding="utf-8")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{name}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def launcher(driver: Driver, site: str, name: str, root: Path) -> Launcher:
    """Return what opens browsers on one page of the site, as a worker's does."""
    root.mkdir(parents=True)
    wa_js = WorkerSettings.model_fields["wa_js_path"].default
    options = BrowserOptions(
        executable=find_chromium(None),
        sandbox=os.geteuid() != 0,
        savings=ALL,
        url=f"{site}/{name}",
        script=init_script(read_wa_js(wa_js), site, "Soak", hide=True),
        call_limit=timedelta(seconds=15),
        launch_limit=timedelta(seconds=60),
        close_limit=timedelta(seconds=5),
    )
    return Launcher(driver, options, root)


async def ask(browser: Browser, script: str) -> Any:
    """Evaluate in the page, behind the worker's back."""
    return await browser.page._page.evaluate(script)
