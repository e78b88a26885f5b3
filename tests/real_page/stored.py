"""Real HTML pages of WhatsApp Web, as the npm package @wppconnect/wa-version stores them.

A page brings WhatsApp's bootloader, its gates and the list of what it loads on demand, but none of
the bundles with its modules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent / "node_modules/@wppconnect/wa-version"
_PAYLOAD = re.compile(r'<script type="application/json"\s[^>]*data-sjs>(.*?)</script>', re.DOTALL)


def newest() -> Path:
    """Return the file of the newest page."""
    return max((PACKAGE / "html").glob("*.html"), key=_revision)


def gates(html: str) -> dict[str, bool]:
    """Return the page's gates by number, and whether each is on."""
    found: dict[str, bool] = {}
    for call in _calls(html, "HasteSupportData"):
        for number, gate in call.get("gkxData", {}).items():
            found[number] = bool(gate["result"])
    return found


def loaded_on_demand(html: str) -> set[str]:
    """Return the modules that are not there until something asks the bootloader for them."""
    return {name for call in _calls(html, "Bootloader") for name in call.get("compMap", {})}


def _calls(html: str, module: str) -> Iterator[dict[str, Any]]:
    """Yield what the page hands to `handle…` of a module of its bootloader."""
    for payload in _PAYLOAD.findall(html):
        for name, _function, _, arguments in json.loads(payload).get("require", []):
            if name == module:
                yield arguments[0]


def _revision(file: Path) -> int:
    """Return the number that grows with each version: `2.3000.1048032155-alpha.html`."""
    return int(file.name.split(".")[2].partition("-")[0])
