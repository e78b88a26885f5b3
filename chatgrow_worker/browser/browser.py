"""An open browser: its page, its profile, and a copy of the login while it runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chatgrow_worker.browser.profile import holders_of
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.common.threads import to_the_end
from sessions.connections.states import Reason

_LOGIN = (Path("Default/IndexedDB"), Path("Default/Local Storage"))
"""What a login consists of; neither part alone logs in."""


@dataclass
class Browser:
    """A browser that is open, or was: `closed_in_order` tells if its IndexedDB is whole."""

    page: WhatsAppPage
    profile: Path
    closed_in_order: bool = False

    @asynccontextmanager
    async def copy_of_login(self) -> AsyncIterator[Path]:
        """Yield a profile that holds a copy of the login, taken while the browser stood still.

        The copy of localStorage is stale, since Chromium writes it late: a dump through the page
        must go with it. Raises PageBrokenError when the browser is gone.
        """
        folder = Path(tempfile.mkdtemp(prefix=".copy-", dir=self.profile.parent))
        try:
            # Not to be cut short: a frozen browser must thaw, and no copy may outlive this.
            await to_the_end(asyncio.to_thread(_copy_frozen, self.profile, folder))
            yield folder
        finally:
            await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _copy_frozen(profile: Path, to: Path) -> None:
    """Freeze the browser's process group for the milliseconds of a copy."""
    group = _group_of(profile)
    os.killpg(group, signal.SIGSTOP)
    try:
        for part in _LOGIN:
            shutil.copytree(profile / part, to / part)
    except OSError as error:
        raise PageBrokenError(Reason.PAGE_UNREACHABLE, f"no copy of the login: {error}") from error
    finally:
        os.killpg(group, signal.SIGCONT)


def _group_of(profile: Path) -> int:
    """Return the browser's own process group; raise PageBrokenError when there is none."""
    groups = {os.getpgid(process.pid) for process in holders_of(profile)} - {os.getpgrp()}
    if len(groups) != 1:
        raise PageBrokenError(Reason.PAGE_UNREACHABLE, "the browser's process is gone")
    return groups.pop()
