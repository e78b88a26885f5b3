"""Our script on a page as WhatsApp serves it: it does no harm there, and knows that it waits."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, async_playwright

from chatgrow_worker.browser.options import find_chromium
from chatgrow_worker.browser.user_agent import set_user_agent
from chatgrow_worker.page import script
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.settings import WorkerSettings
from tests.forward_proxy import ForwardProxy
from tests.real_page.stored import PACKAGE, gates, loaded_on_demand, newest
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PACKAGE.is_dir(), reason="`make real-page` installs the pages"),
]

WA_JS: Path = WorkerSettings.model_fields["wa_js_path"].default
PAGE_SCRIPTS = Path(script.__file__).parent
LIMIT = timedelta(seconds=30)
_MODULE = re.compile(r"\bWAWeb\w+")
_COMMENT = re.compile(r"^[ \t]*//[^\n]*|/\*.*?\*/", re.MULTILINE | re.DOTALL)


@dataclass
class RealPage:
    """A real page in a browser that reaches nothing but this machine."""

    tab: Page
    ours: WhatsAppPage
    outside: set[str]
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[RealPage]:
    async with (
        TestServer(_serving(newest().read_text(encoding="utf-8"))) as server,
        ForwardProxy(lambda host: host == server.host).serving() as proxy,
        async_playwright() as playwright,
    ):
        origin = str(server.make_url("")).rstrip("/")
        context = await playwright.chromium.launch_persistent_context(
            tmp_path,
            executable_path=find_chromium(None),
            chromium_sandbox=os.geteuid() != 0,
            proxy={"server": proxy.uri},
        )
        tab = context.pages[0]
        await set_user_agent(await context.new_cdp_session(tab))
        await context.add_init_script(script.init_script(script.read_wa_js(WA_JS), origin, "Test"))
        real = RealPage(tab, WhatsAppPage(tab, asyncio.Event(), LIMIT), proxy.refused)
        tab.on("pageerror", lambda error: real.complaints.append(error.message))
        await real.ours.open(f"{origin}/", LIMIT)
        yield real
        await context.close()


async def test_our_script_harms_no_real_page_and_tells_that_it_loads(page: RealPage) -> None:
    async def answered() -> bool:
        return await page.ours.snapshot() is not None

    await until(answered)
    await page.tab.wait_for_load_state("load")
    snapshot = await page.ours.snapshot()
    assert snapshot is not None
    assert snapshot.state is PageState.LOADING
    assert await page.tab.evaluate("typeof window.WPP.isReady") == "boolean"
    assert "static.whatsapp.net" in page.outside, "the page asked for its bundles, in vain"
    assert page.complaints == []


def test_no_module_that_we_require_is_loaded_on_demand_only() -> None:
    """What is in that list is missing until something asks for it, so `require` would throw."""
    on_demand = loaded_on_demand(newest().read_text(encoding="utf-8"))
    assert len(on_demand) > 100, "the list was found"
    required = _required()
    assert required, "our modules were found"
    assert required & on_demand == set()


def test_the_gates_of_the_long_qr_text_are_on() -> None:
    """With both on, the QR code begins with an address (`WAWebNativeCameraQRLinkedDeviceUtils`)."""
    found = gates(newest().read_text(encoding="utf-8"))
    assert {"14464": found.get("14464"), "15235": found.get("15235")} == {
        "14464": True,
        "15235": True,
    }


def _required() -> set[str]:
    """Return the names of WhatsApp's modules in the code that we run in the page."""
    scripts = [_COMMENT.sub("", each.read_text("utf-8")) for each in PAGE_SCRIPTS.glob("*.js")]
    return set(_MODULE.findall("\n".join(scripts)))


def _serving(html: str) -> web.Application:
    async def serve(_request: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    application = web.Application()
    application.router.add_get("/", serve)
    return application
