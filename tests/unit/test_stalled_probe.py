"""What is reported of a page whose sends stall while its connection waits for WhatsApp Web."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chatgrow_worker.connection.state_meaning import CHANGED, MEANING, Meaning
from chatgrow_worker.page.snapshot import PageState
from tests.unit.test_qr_for_a_moment import Screens, page_session_of

_READY = {
    "mode": "MAIN",
    "info": "NORMAL",
    "stream": "CONNECTED",
    "socket": "CONNECTED",
    "authenticated": True,
}


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ({"waits": True}, CHANGED),
        ({"untested": True}, MEANING[PageState.LOADING]),
        ({}, MEANING[PageState.STALLED]),
    ],
)
async def test_a_probe_that_stalls_changes_no_state(gate: dict[str, bool], told: Meaning) -> None:
    """From `disconnected` or `starting` no move leads to `degraded`."""
    reports: list[tuple[Any, ...]] = []

    async def report(*given: Any) -> None:
        reports.append(given[:2])

    async def nothing(*_given: object, **_named: object) -> None:
        return None

    page = Screens(_READY)
    idle = {"idle": True, "running": False, "stalls_at": None, "check": lambda: None}
    signs = {"unreadable": False, "waits": False, "untested": False, "holds": True}
    page_session = page_session_of(
        page,
        reporter=SimpleNamespace(report=report),
        dispatcher=SimpleNamespace(stalled=True, stop=nothing, **idle),
        gate=SimpleNamespace(consider=nothing, **{**signs, **gate}),
        saver=SimpleNamespace(end=nothing, keep_dump=nothing, save_when_due=nothing, due=None),
        acks=SimpleNamespace(epoch="", serial=0, record_new=nothing),
        checks=SimpleNamespace(answer_next=nothing),
        errands=SimpleNamespace(do_next=nothing),
    )
    await page_session.run(page.ending, asyncio.Event(), lambda: None)
    assert reports[0] == told
