"""Which versions of everything took part."""

from __future__ import annotations

import asyncio
import json
import platform
import re
import subprocess
from pathlib import Path

import sessions
from chatgrow_worker.browser.options import find_chromium
from tests.live_check.api import Api
from tests.live_check.findings import Versions, as_version
from tests.live_check.options import Options

_WA_JS = Path(__file__).parents[2] / "node_modules/@wppconnect/wa-js/package.json"
_ANSWERS_WITHIN = 20


async def own_versions(options: Options) -> Versions:
    """Return the versions that are known before a page is open."""
    chosen = (options.settings or {}).get("CHROMIUM_PATH")
    browser = find_chromium(Path(chosen) if chosen else None)
    return Versions(
        chatgrow=as_version(sessions.__version__),
        wa_js=as_version(json.loads(_WA_JS.read_text())["version"]),
        chromium=await asyncio.to_thread(_version_of, browser) if browser else None,
        python=platform.python_version(),
    )


async def whatsapp_web_version(api: Api) -> str | None:
    """Return the version that the page tells of itself (`Debug.VERSION`)."""
    page = (await api.connection()).get("page") or {}
    return as_version(page.get("version"))


def _version_of(browser: Path) -> str | None:
    try:
        told = subprocess.run(
            [str(browser), "--version"],
            capture_output=True,
            text=True,
            timeout=_ANSWERS_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(\.\d+)+", told.stdout)
    return as_version(found.group()) if found else None
