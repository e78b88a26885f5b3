"""When a login gives way to another because its pages do not come up, and when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.profile_notes import ProfileNote, write_note
from chatgrow_worker.connection.profile_fallback import ProfileFallback
from chatgrow_worker.login.source import LoginSource
from chatgrow_worker.page.snapshot import Snapshot
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.blobs import BlobKind
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.model import Proxy
from sessions.connections.states import Reason
from tests.blob_profiles import contents, login, write_profile
from tests.builders import Stores
from tests.integration.pageless import NoPages, PagelessWorker
from tests.integration.ready_pages import READY

_QR_SCREEN = READY.model_copy(
    update={"full_ready": False, "authenticated": False, "mode": "QR", "me": None}
)


class Case:
    """One connection with a login on the disk and two older ones that are saved."""

    def __init__(self, worker: PagelessWorker[NoPages], lease: Lease, folder: Path) -> None:
        self.profile = worker.pages.profile(lease.connection)
        self.source = LoginSource(worker.parts.blobs, lease, self.profile)
        self.fallback = ProfileFallback(worker.parts, self.source, None, asyncio.Event())
        self._worker = worker
        self._lease = lease
        self._folder = folder

    async def begin(self) -> None:
        """Save two logins, and have a newer one on the disk."""
        for text in (b"oldest", b"middle"):
            profile = write_profile(self._folder / text.decode(), login(text))
            saved = self._worker.parts.blobs.save(
                self._lease, profile, BlobKind.HOT, {"login": text.decode()}, utc_now()
            )
            assert await saved
        write_profile(self.profile, login(b"newest"))
        write_note(self.profile, ProfileNote(generation=self._lease.generation))

    async def login_after(self, reason: Reason, times: int = 3) -> str | None:
        """Let pages break for so many times; return which login the next one starts from."""
        for _ in range(times):
            await self.fallback.consider(reason)
        await self.source.prepare()
        files = contents(self.profile)
        names = ("oldest", "middle", "newest")
        return next(
            (each for each in names if any(each.encode() in f for f in files.values())), None
        )


@pytest.fixture
async def case(worker: PagelessWorker[NoPages], stores: Stores, tmp_path: Path) -> Case:
    _, lease = await stores.leased()
    case = Case(worker, lease, tmp_path)
    await case.begin()
    return case


@pytest.fixture
def come_up(worker: PagelessWorker[NoPages], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages come up: on an empty profile they ask for a phone."""

    async def snapshot() -> Snapshot:
        return _QR_SCREEN

    @asynccontextmanager
    async def opened(
        connection: str,
        restore_local_storage: dict[str, str] | None = None,
        proxy: Proxy | None = None,
    ) -> AsyncIterator[Browser]:
        profile = write_profile(worker.pages.profile(connection), {})
        page = SimpleNamespace(bell=asyncio.Event(), snapshot=snapshot)
        yield Browser(cast("WhatsAppPage", page), profile)

    monkeypatch.setattr(worker.pages, "open", opened)


@pytest.mark.usefixtures("come_up")
async def test_a_login_gives_way_once_and_comes_back(case: Case) -> None:
    assert await case.login_after(Reason.PAGE_LOADING, times=2) == "newest"
    assert await case.login_after(Reason.PAGE_LOADING, times=1) == "middle"
    assert await case.login_after(Reason.PAGE_LOADING) == "newest"
    # What keeps the pages from coming up is not the login.
    assert await case.login_after(Reason.PAGE_LOADING) == "newest"
    assert [each.name for each in case.profile.parent.iterdir()] == [case.profile.name]
    case.fallback.page_worked()
    assert await case.login_after(Reason.PAGE_LOADING) == "oldest"


@pytest.mark.usefixtures("come_up")
async def test_a_browser_that_does_not_start_says_nothing_about_the_login(case: Case) -> None:
    assert await case.login_after(Reason.BROWSER_UNAVAILABLE, times=9) == "newest"
    assert await case.login_after(Reason.PAGE_UNREACHABLE, times=9) == "newest"


async def test_pages_that_come_up_on_no_profile_say_nothing_about_the_login(
    case: Case, worker: PagelessWorker[NoPages]
) -> None:
    before = contents(case.profile)
    assert await case.login_after(Reason.PAGE_LOADING, times=9) == "newest"
    assert contents(case.profile) == before
    assert len(worker.pages.opened) == 3, "pages were tried on empty profiles"
