"""An open browser: its page, its profile, and how to copy the login while it runs."""

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
"""The parts of a login in a profile; neither part alone logs in."""


@dataclass
class Browser:
    """A browser; after it was closed, `closed_in_order` says whether its IndexedDB is complete."""

    page: WhatsAppPage
    profile: Path
    closed_in_order: bool = False

    @asynccontextmanager
    async def copy_of_login(self) -> AsyncIterator[Path]:
        """Yield a profile with a copy of the login, which is made while the browser is frozen.

        Chromium writes localStorage late, so its copy is outdated: save a dump from the page with
        it. Raises PageBrokenError if the browser is gone.
        """
        folder = Path(tempfile.mkdtemp(prefix=".copy-", dir=self.profile.parent))
        try:
            # Not cancellable: the browser must not stay frozen, nor the copy stay behind.
            await to_the_end(asyncio.to_thread(_copy_frozen, self.profile, folder))
            yield folder
        finally:
            await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _copy_frozen(profile: Path, to: Path) -> None:
    """Copy the login while the browser's process group is stopped, which takes milliseconds."""
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
    """Return the browser's process group; raise PageBrokenError if there is none."""
    groups = {os.getpgid(process.pid) for process in holders_of(profile)} - {os.getpgrp()}
    if len(groups) != 1:
        raise PageBrokenError(Reason.PAGE_UNREACHABLE, "the browser's process is gone")
    return groups.pop()
