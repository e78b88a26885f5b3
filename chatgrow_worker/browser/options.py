"""How to start Chromium, and where it is."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sessions.errors import ConfigurationError

_DEBIAN_SHELL = "/usr/lib/chromium/chromium-headless-shell"
"""Debian's own name for it is a shell script that stays between us and the browser's process."""
_NAMES = (_DEBIAN_SHELL, "chromium-headless-shell", "chromium", "google-chrome")

_ARGUMENTS = (
    # Fewer helper processes for one page: they took a sixth of a session's memory.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
    "--in-process-gpu",
    # Nothing is drawn for anybody: no GL, which without a graphics card is computed by SwiftShader.
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--enable-features=NetworkServiceInProcess2",
    "--disable-features=SpareRendererForSitePerProcess",
    # Without it a page can tell from navigator.webdriver that it is driven.
    "--disable-blink-features=AutomationControlled",
    # A proxy or a name server must not be bypassed by WebRTC.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-quic",
)
# A zygote's memory is each session's own. Within the sandbox Chromium needs one, and not two.
_ZYGOTES = {True: "--no-unsandboxed-zygote", False: "--no-zygote"}


@dataclass(frozen=True)
class BrowserOptions:
    """What is the same for every browser of this worker."""

    executable: Path | None
    sandbox: bool
    url: str
    script: str
    call_limit: timedelta
    launch_limit: timedelta
    close_limit: timedelta

    @property
    def arguments(self) -> list[str]:
        """What is added to the browser's command line."""
        return [*_ARGUMENTS, _ZYGOTES[self.sandbox]]


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
