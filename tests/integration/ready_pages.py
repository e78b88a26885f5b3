"""Pages that are ready at once, for what goes on around a page that works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import cast

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.page.errors import PageBrokenError
from chatgrow_worker.page.login_end import EndSign, LoginEnd
from chatgrow_worker.page.snapshot import About, Look, Snapshot
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.connections.model import Proxy
from sessions.connections.states import Reason
from tests.blob_profiles import login, write_profile
from tests.received_table import ReceivedTable
from tests.waiting import until

PHONE = "+972501111111"
READY = Snapshot(
    epoch="1",
    ready=True,
    full_ready=True,
    authenticated=True,
    online=True,
    idle=False,
    needs_update=False,
    mode="MAIN",
    info="NORMAL",
    socket="CONNECTED",
    stream="CONNECTED",
    me=f"{PHONE[1:]}@c.us",
)

LOGGED_OUT = READY.model_copy(update={"mode": "QR", "authenticated": False, "me": None})


class ReadyPage(ReceivedTable):
    """A page that is logged in, and has news in its localStorage at each look that finds any."""

    def __init__(self) -> None:
        super().__init__()
        self.bell = asyncio.Event()
        self.shows: Snapshot | None = READY
        self.news = True
        self.looks = 0
        self.reloads = 0
        self.logouts = 0
        self.missing: tuple[str, ...] = ()
        self.broken: Reason | None = None
        self.restarts = 0
        self.told: list[EndSign] = []
        self.has_sent = False
        self.served = None

    def tell(self, end: LoginEnd) -> None:
        """Hand on what an earlier load of the page has told."""
        end.hear("0", self.told)

    async def look(
        self, epoch: str, serial: int, recorded: tuple[str, int] | None = None
    ) -> Look | None:
        self.looks += 1
        if self.broken is not None:
            raise PageBrokenError(self.broken)
        dump = {"look": str(self.looks)} if self.news else None
        epoch = self.shows.epoch if self.shows else ""
        return Look(epoch=epoch, snapshot=self.shows, missing=self.missing, local_storage=dump)

    async def about(self) -> About:
        return About(version="2.3000.1", manifest="1_main")

    async def reload(self, limit: timedelta) -> None:
        self.reloads += 1
        self.bell.set()

    async def snapshot(self) -> Snapshot | None:
        return self.shows

    async def local_storage(self, *, always: bool = False) -> dict[str, str] | None:
        return {"login": "this"}

    async def leave(self) -> dict[str, str]:
        if self.broken is not None:
            raise PageBrokenError(self.broken)
        return {"login": "left"}

    async def log_out(self) -> None:
        self.logouts += 1
        self.shows = LOGGED_OUT
        self.bell.set()

    async def tidy(self) -> None:
        pass


@dataclass
class ReadyBrowser(Browser):
    """A browser without a process, whose login is copied from a profile at rest."""

    page: WhatsAppPage = field(default_factory=lambda: cast("WhatsAppPage", ReadyPage()))
    profile: Path = Path()

    @asynccontextmanager
    async def copy_of_login(self) -> AsyncIterator[Path]:
        yield self.profile


@dataclass
class ReadyPages:
    """Opens such pages, and knows which browsers are open."""

    root: Path
    browsers: list[ReadyBrowser] = field(default_factory=list)
    open_now: int = 0
    shows: Snapshot = READY
    """What a page shows from its opening on."""

    @property
    def logouts(self) -> int:
        """How often a page was asked to log out."""
        return sum(cast("ReadyPage", each.page).logouts for each in self.browsers)

    def profile(self, connection: str) -> Path:
        return self.root / connection

    @asynccontextmanager
    async def open(
        self,
        connection: str,
        restore_local_storage: dict[str, str] | None = None,
        proxy: Proxy | None = None,
    ) -> AsyncIterator[Browser]:
        profile = self.profile(connection)
        if not profile.exists():
            write_profile(profile, login())
        browser = ReadyBrowser(profile=profile)
        cast("ReadyPage", browser.page).shows = self.shows
        self.browsers.append(browser)
        self.open_now += 1
        try:
            yield browser
        finally:
            self.open_now -= 1
            browser.closed_in_order = True

    def break_page(self, reason: Reason) -> None:
        """Have the page that was opened last break at its next look, which is now."""
        page = cast("ReadyPage", self.browsers[-1].page)
        page.broken = reason
        page.bell.set()

    async def look(self, snapshot: Snapshot = READY, *, news: bool = True) -> None:
        """Have the page that was opened last looked at, and what was seen acted upon."""
        page = cast("ReadyPage", self.browsers[-1].page)
        page.shows, page.news = snapshot, news
        for _ in range(2):  # the second is not begun before the first is done with
            seen = page.looks
            page.bell.set()
            await until(lambda: page.looks > seen or self.open_now == 0)  # noqa: B023
