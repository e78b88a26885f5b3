"""Looks at a page that has not loaded all of its modules."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, Playwright

from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from tests.integration.scripted_pages import opened, shows, until_it_shows
from tests.integration.whatsapp_web_driver import small_world
from tests.waiting import until

PHONE = "+972501111111"
MODULE = "WAWebLinkDeviceEvents"
HEARD = """
window.heard = [];
WPP.on('conn.auth_code_change', (code) => { if (code) heard.push(code.ref); });
"""
LOADS_LATE = f"""
(() => {{
  let all;
  const some = (name) => {{
    if (name === '{MODULE}' && !window.loaded) throw new Error('Requiring unknown module');
    return all(name);
  }};
  const set = (given) => (all = given);
  Object.defineProperty(window, 'require', {{set, get: () => all && some}});
}})();
"""


async def test_a_passkey_is_heard_of_though_its_module_loads_late(
    tmp_path: Path, playwright: Playwright, person: Browser
) -> None:
    async with (
        small_world(tmp_path, playwright) as world,
        opened(person, world.web.url, first=LOADS_LATE) as (page, calls),
    ):
        await until_it_shows(calls, PageState.QR)
        await page.evaluate("() => { window.loaded = true; }")
        assert await shows(calls, PageState.QR)
        await world.hand.faults(passkey=True)
        await world.hand.good("POST", "/control/phones", number=PHONE)
        shown = await calls.qr_code()
        assert shown is not None
        await world.hand.good("POST", f"/control/phones/{PHONE}/scan", code=shown.text)
        await until_it_shows(calls, PageState.PASSKEY)


async def test_a_passkey_is_wanted_until_the_page_shows_codes_again(
    tmp_path: Path, playwright: Playwright, person: Browser
) -> None:
    """New refs go on coming meanwhile, and wa-js tells a code for each: none of them links."""
    async with small_world(tmp_path, playwright) as world:
        await world.hand.faults(passkey=True, qrFirstMs=5000, qrNextMs=500)
        await world.hand.good("POST", "/control/phones", number=PHONE)
        async with opened(person, world.web.url, then=HEARD) as (page, calls):
            await until_it_shows(calls, PageState.QR)
            code = await page.evaluate("WPP.conn.getAuthCode().then((code) => code.fullCode)")
            await world.hand.good("POST", f"/control/phones/{PHONE}/scan", code=code)
            await until_it_shows(calls, PageState.PASSKEY)
            scanned = code.split(",")[0]
            await until(lambda: page.evaluate("(ref) => heard.at(-1) !== ref", scanned))
            assert await shows(calls, PageState.PASSKEY)
            assert await calls.qr_code() is None
            await world.hand.faults(qrFirstMs=None)
            await page.evaluate("document.getElementById('cancel-passkey').click()")  # not drawn
            fresh = await _next_code(calls)
            await world.hand.faults(passkey=False)
            await world.hand.good("POST", f"/control/phones/{PHONE}/scan", code=fresh)
            await until_it_shows(calls, PageState.READY)


async def _next_code(calls: WhatsAppPage) -> str:
    """Return the first code that the page gives."""
    found: list[str] = []

    async def given() -> bool:
        shown = await calls.qr_code()
        found.extend([shown.text] if shown else [])
        return bool(found)

    await until(given)
    return found[0]
