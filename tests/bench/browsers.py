"""The browsers of the comparison: the one that we start, and the one that the peer starts."""

from __future__ import annotations

import shutil
from pathlib import Path

from chatgrow_worker.browser.options import find_chromium

_WHOLE = ("/usr/lib/chromium/chromium", "chromium", "google-chrome")
"""Debian's own name for it is a shell script, which adds options that puppeteer would not."""


def headless_shell() -> Path:
    """Return the browser that our worker starts; raise FileNotFoundError when there is none."""
    return _found(find_chromium(None), "chromium-headless-shell")


def whole_chromium() -> Path:
    """Return a whole Chromium; raise FileNotFoundError when there is none."""
    return _found(next(filter(None, map(shutil.which, _WHOLE)), None), "chromium")


def _found(program: Path | str | None, package: str) -> Path:
    if program is None:
        raise FileNotFoundError(f"{package} is missing: run `scripts/setup.sh bench`")
    return Path(program)
