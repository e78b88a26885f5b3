"""A page that shows the QR screen at one look only has not lost its login."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from chatgrow_worker.connection.limits import Limits
from chatgrow_worker.connection.logout import Logout
from chatgrow_worker.connection.page_session import PageSession, PageSessionServices
from chatgrow_worker.page.login_end import LoginEnd
from chatgrow_worker.page.snapshot import Look, PageState, Snapshot
from sessions.common.disk_space import DiskWatch

if TYPE_CHECKING:
    from chatgrow_worker.page.whatsapp_page import WhatsAppPage

_LONG = timedelta(hours=1)
_MOMENT = timedelta(milliseconds=1)
_QR = {"mode": "QR", "authenticated": False}
_LOADING = {"mode": "QR", "authenticated": True}


def _snapshot(signs: dict[str, Any]) -> Snapshot:
    common = {"epoch": "one", "ready": True, "fullReady": True, "online": True, "idle": False}
    unknown = {"needsUpdate": False, "info": None, "me": None}
    return Snapshot.model_validate(common | unknown | signs)


class Screens:
    """A page double that shows one screen at each look, and then asks to end."""

    def __init__(self, *screens: dict[str, Any]) -> None:
        self.bell = asyncio.Event()
        self.ending = asyncio.Event()
        self.seen: list[PageState] = []
        self.restarts = 0
        self._screens: Iterator[dict[str, Any]] = iter(screens)

    def tell(self, end: LoginEnd) -> None:
        pass

    async def snapshot(self) -> Snapshot | None:
        signs = next(self._screens, None)
        if signs is None:
            self.ending.set()
            return None
        shown = _snapshot(signs)
        self.seen.append(shown.state)
        return shown

    async def look(self, _epoch: str, _serial: int, _recorded: object = None) -> Look | None:
        shown = await self.snapshot()
        return Look(snapshot=shown, local_storage=None) if shown else None


async def _nothing(*_given: object) -> None:
    return None


async def _consider(*_given: object, at_rest: bool) -> None:
    assert at_rest


def page_session_of(page: Screens, **others: object) -> PageSession:
    """Return a page session with a page double; services that are not given do nothing."""
    services = SimpleNamespace(
        page=page,
        reporter=SimpleNamespace(report=_nothing),
        acks=SimpleNamespace(epoch="", serial=0),
        receiver=SimpleNamespace(heard=None, due=None, away=lambda: None, receive=_nothing),
        downloads=SimpleNamespace(ring=lambda: None, start=lambda: None, stop=_nothing),
        saver=SimpleNamespace(end=_nothing, keep_dump=_nothing, due=None),
        dispatcher=SimpleNamespace(
            stop=_nothing,
            check=lambda: None,
            running=False,
            idle=True,
            stalled=False,
            stalls_at=None,
        ),
        gate=SimpleNamespace(
            consider=_consider, unreadable=False, waits=False, holds=False, untested=False
        ),
        recovery=SimpleNamespace(consider=_nothing),
        recycling=SimpleNamespace(look_every=_LONG),
        login_end=LoginEnd(),
        html=SimpleNamespace(look=_nothing, is_saved=False),
    )
    vars(services).update(others)
    limits = SimpleNamespace(
        disk=DiskWatch(Path(), full_below=0),
        look_every=_MOMENT,
        look_when_ready=_MOMENT,
        look_while_loading=_MOMENT,
        start_slot=_MOMENT,
        wipe_within=_MOMENT,
        collect_garbage=False,
    )
    return PageSession(
        cast("PageSessionServices", services), cast("Limits", limits), was_linked=True
    )


async def test_a_page_session_goes_on() -> None:
    page = Screens(_QR, _LOADING, _QR, {**_QR, "epoch": "two"}, _LOADING)
    await page_session_of(page).run(page.ending, asyncio.Event(), lambda: None)
    qr, loading = PageState.QR, PageState.LOADING
    assert page.seen == [qr, loading, qr, qr, loading]


async def test_a_logout_goes_on() -> None:
    page = Screens(_QR, _LOADING)
    give_up = time.monotonic() + 60
    logout = Logout(cast("WhatsAppPage", page), LoginEnd(), give_up, _LONG, lambda: None)
    await logout.run(page.ending)
    assert page.seen == [PageState.QR, PageState.LOADING]
