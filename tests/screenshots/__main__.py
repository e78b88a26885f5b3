"""Take the pictures of the documents: `python -m tests.screenshots [NAME …]`; `make screenshots`.

It starts the whole system against the simulated WhatsApp Web, fills it, and photographs its pages.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.integration.webhooks.receiver import receiving
from tests.people import people, sign_in
from tests.ports import LOOPBACK
from tests.screenshots.data import fill, fill_shop
from tests.screenshots.picture import save
from tests.screenshots.shots import DASHBOARD, SHOP, Shot
from tests.shop_year import ZONE
from tests.stack_client import ROOT, StackClient, stack

_FOLDER = ROOT / "docs/images"
_EMAIL, _PASSWORD = "dana@example.com", "correct horse battery staple"
_SETTINGS = (f"WEBHOOK_ALLOWED_HOSTS={LOOPBACK}", "RATE_LIMIT_MAX_REQUESTS=10000")
_PATIENCE_MS = 60_000
_LOADS_NOTHING = """() => !["data-when", "data-list-when"].some(
  (name) => document.querySelector(`[${name}=loading]`)?.checkVisibility())"""


def main() -> int:
    """Take the pictures that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which pictures; all if none")
    parser.add_argument("--to", type=Path, default=_FOLDER, metavar="FOLDER")
    given = parser.parse_args()
    asyncio.run(_take(given.names, given.to))
    return 0


async def _take(names: Sequence[str], folder: Path) -> None:
    options = itertools.chain.from_iterable(("--env", each) for each in _SETTINGS)
    async with AsyncExitStack() as cleanup:
        receiver = await cleanup.enter_async_context(receiving())
        system = await cleanup.enter_async_context(stack(*options))
        playwright = await cleanup.enter_async_context(async_playwright())
        browser = await cleanup.enter_async_context(people(playwright))
        for shots, filled in (
            (DASHBOARD, partial(fill, system, receiver.url.rpartition("/")[0])),
            (SHOP, partial(fill_shop, system)),
        ):
            if wanted := [each for each in shots if not names or each.name in names]:
                link = await filled()
                for shot in wanted:
                    url = link if shot.path == "/link" else system.about["api"] + shot.path
                    png = await _photograph(browser, system, shot, url)
                    size = save(png, folder / f"{shot.name}.png")
                    print(f"{shot.name}.png  {size:,} bytes", flush=True)


async def _photograph(browser: Browser, system: StackClient, shot: Shot, url: str) -> bytes:
    context = await browser.new_context(
        locale=shot.locale, viewport=shot.viewport, timezone_id=ZONE.key
    )
    context.set_default_timeout(_PATIENCE_MS)
    try:
        page = await context.new_page()
        # What moves would be caught in between.
        await page.emulate_media(reduced_motion="reduce")
        await page.goto(url)
        if await page.locator("#password").count():
            await sign_in(page, _EMAIL, _PASSWORD, system.about["apiKey"])
            await page.goto(url)
        return await _ready(page, shot)
    finally:
        await context.close()


async def _ready(page: Page, shot: Shot) -> bytes:
    if shot.press:
        await page.locator(shot.press).first.click()
    await page.locator(shot.ready).first.wait_for()
    await page.wait_for_function(_LOADS_NOTHING)
    await page.evaluate("document.fonts.ready")
    return await page.screenshot(animations="disabled", caret="hide")


if __name__ == "__main__":
    sys.exit(main())
