"""Give a headless browser the user agent of a normal one: WhatsApp refuses `HeadlessChrome`."""

from __future__ import annotations

import asyncio
import platform
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession

from sessions.common.threads import to_the_end

_PLATFORM = "Linux"
_VERSION_LIMIT = timedelta(seconds=10)


async def user_agent_of(browser: Path) -> str | None:
    """Return the user agent of a normal browser of the same version; None if it has no version.

    It is needed for the command line: requests of and through a service worker ignore an override
    in the page.
    """
    # Not cancellable, so that no process is left behind.
    answer = await to_the_end(asyncio.to_thread(_version_of, browser))
    version = re.search(rb"(\d+)\.\d+\.\d+", answer)
    if version is None:
        return None
    return (
        f"Mozilla/5.0 (X11; {_PLATFORM} {platform.machine()}) AppleWebKit/537.36 "
        f"(KHTML, like Gecko) Chrome/{version[1].decode()}.0.0.0 Safari/537.36"
    )


def _version_of(browser: Path) -> bytes:
    limit = _VERSION_LIMIT.total_seconds()
    try:
        asked = subprocess.run(  # noqa: S603  the browser that is started next
            [str(browser), "--version"], capture_output=True, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return b""
    return asked.stdout


async def set_user_agent(cdp: CDPSession) -> None:
    """Override the user agent and its client hints, before the first navigation.

    This uses CDP, since Playwright's `user_agent=` leaves the brands in workers empty.
    """
    version = await cdp.send("Browser.getVersion")
    await cdp.send("Emulation.setUserAgentOverride", override_for(version))


def override_for(version: dict[str, Any]) -> dict[str, Any]:
    """Return the override that fits an answer of `Browser.getVersion`."""
    full = re.sub(r"^[^/]*/", "", str(version["product"]))
    major = full.split(".", maxsplit=1)[0]
    own = [(name, major, full) for name in ("Chromium", "Google Chrome")]
    brands = [*own, ("Not.A/Brand", "8", "8.0")]
    return {
        "userAgent": str(version["userAgent"]).replace("HeadlessChrome", "Chrome"),
        "platform": f"{_PLATFORM} {platform.machine()}",
        "userAgentMetadata": {
            "brands": [{"brand": name, "version": short} for name, short, _ in brands],
            "fullVersionList": [{"brand": name, "version": long} for name, _, long in brands],
            "platform": _PLATFORM,
            "platformVersion": "",
            "architecture": "x86" if platform.machine() == "x86_64" else "arm",
            "bitness": "64",
            "model": "",
            "mobile": False,
        },
    }
