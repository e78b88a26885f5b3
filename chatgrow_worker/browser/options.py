"""The options to start Chromium with, and where to find it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from playwright.async_api import ViewportSize

from chatgrow_worker.browser.reachable import reaching
from chatgrow_worker.browser.savings import Saving, Savings, switches_of
from sessions.common.disk_space import FULL_BELOW
from sessions.common.errors import ConfigurationError

_DEBIAN_SHELL = "/usr/lib/chromium/chromium-headless-shell"
"""The program itself: Debian's command is a shell script, which would stay its parent process."""
_NAMES = (_DEBIAN_SHELL, "chromium-headless-shell", "chromium", "google-chrome")

_WINDOW: ViewportSize = {"width": 1280, "height": 720}
"""Playwright's own default."""
_SMALL_WINDOW: ViewportSize = {"width": 800, "height": 600}
_ALWAYS = (
    # For privacy, not to save memory: these do not depend on `BROWSER_SAVINGS`.
    # Otherwise navigator.webdriver tells the page that it is automated.
    "--disable-blink-features=AutomationControlled",
    # Otherwise WebRTC bypasses a proxy and reveals this machine's address.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # Otherwise the browser asks Google's servers for updates and lists.
    "--disable-background-networking",
    # An HTTP proxy supports TCP only.
    "--disable-quic",
)


@dataclass(frozen=True)
class BrowserOptions:
    """The options of all browsers of this worker."""

    executable: Path | None
    sandbox: bool
    savings: Savings
    url: str
    script: str
    call_limit: timedelta
    launch_limit: timedelta
    close_limit: timedelta
    more_hosts: tuple[str, ...] = ()
    disk_full_below: int = FULL_BELOW

    def arguments(self, proxy: str | None = None, address: str | None = None) -> list[str]:
        """Return the command-line switches of a browser that uses this proxy.

        With an address, the proxy's name is resolved to that address.
        """
        finds = reaching(self.url, self.more_hosts, proxy, address)
        return [*_ALWAYS, finds, *switches_of(self.savings, sandbox=self.sandbox)]

    @property
    def window(self) -> ViewportSize:
        """The size of the window in pixels."""
        return _SMALL_WINDOW if Saving.SMALL_WINDOW in self.savings else _WINDOW

    @property
    def service_workers(self) -> Literal["allow", "block"]:
        """Whether the page may register its service worker."""
        return "block" if Saving.NO_SERVICE_WORKER in self.savings else "allow"


def find_chromium(chosen: Path | None) -> Path | None:
    """Return the browser to start: the chosen one, one of the system, or None for Playwright's.

    Raises ConfigurationError if the chosen one does not exist.
    """
    if chosen is not None:
        if not os.access(chosen, os.X_OK):
            raise ConfigurationError(f"CHROMIUM_PATH names no program: {chosen}")
        return chosen
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return Path(found) if found else None


def check_sandbox(disabled: bool) -> bool:
    """Return whether to use Chromium's sandbox; raise ConfigurationError if it cannot be used."""
    if not disabled and os.geteuid() == 0:
        raise ConfigurationError(
            "Chromium refuses its sandbox to root: run the worker as a user, "
            "or accept the risk with CHROMIUM_NO_SANDBOX=true."
        )
    return not disabled
