"""How to start Chromium, and where it is."""

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
from sessions.common.errors import ConfigurationError

_DEBIAN_SHELL = "/usr/lib/chromium/chromium-headless-shell"
"""Debian's own name for it is a shell script that stays between us and the browser's process."""
_NAMES = (_DEBIAN_SHELL, "chromium-headless-shell", "chromium", "google-chrome")

_WINDOW: ViewportSize = {"width": 1280, "height": 720}
"""Playwright's own default."""
_SMALL_WINDOW: ViewportSize = {"width": 800, "height": 600}
_ALWAYS = (
    # Privacy and appearance, no savings: these hold whatever `BROWSER_SAVINGS` says.
    # Without it a page can tell from navigator.webdriver that it is driven.
    "--disable-blink-features=AutomationControlled",
    # WebRTC would go around a proxy and tell this machine's address.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # The browser itself would ask its maker's servers for updates and lists.
    "--disable-background-networking",
    # An HTTP proxy carries TCP only.
    "--disable-quic",
)


@dataclass(frozen=True)
class BrowserOptions:
    """What is the same for every browser of this worker."""

    executable: Path | None
    sandbox: bool
    savings: Savings
    url: str
    script: str
    call_limit: timedelta
    launch_limit: timedelta
    close_limit: timedelta
    more_hosts: tuple[str, ...] = ()

    def arguments(self, proxy: str | None = None, address: str | None = None) -> list[str]:
        """Return what is added to the command line of a browser that goes through this proxy.

        With an address, the proxy is reached there, whatever its name means.
        """
        finds = reaching(self.url, self.more_hosts, proxy, address)
        return [*_ALWAYS, finds, *switches_of(self.savings, sandbox=self.sandbox)]

    @property
    def window(self) -> ViewportSize:
        """How large the page is, in pixels."""
        return _SMALL_WINDOW if Saving.SMALL_WINDOW in self.savings else _WINDOW

    @property
    def service_workers(self) -> Literal["allow", "block"]:
        """What becomes of the page's service worker."""
        return "block" if Saving.NO_SERVICE_WORKER in self.savings else "allow"


def find_chromium(chosen: Path | None) -> Path | None:
    """Return the browser to start: the one chosen, one of the system, or None for Playwright's own.

    Raises ConfigurationError when the one chosen is not there.
    """
    if chosen is not None:
        if not os.access(chosen, os.X_OK):
            raise ConfigurationError(f"CHROMIUM_PATH names no program: {chosen}")
        return chosen
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return Path(found) if found else None


def check_sandbox(disabled: bool) -> bool:
    """Return whether Chromium's sandbox is on; raise ConfigurationError where it cannot be."""
    if not disabled and os.geteuid() == 0:
        raise ConfigurationError(
            "Chromium refuses its sandbox to root: run the worker as a user, "
            "or accept the risk with CHROMIUM_NO_SANDBOX=true."
        )
    return not disabled
