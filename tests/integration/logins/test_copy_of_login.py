"""A copy of a login is plaintext: none stays, whatever ends the save that it was made for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from chatgrow_worker.browser import browser as browser_module
from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from tests.blob_profiles import login, write_profile
from tests.waiting import until


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Give a test a browser that is a process, in a group of its own, and does nothing."""
    profile = write_profile(tmp_path / "profiles/p", login())
    command = [sys.executable, "-c", "input()", f"--user-data-dir={profile}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0) as process:
        yield Browser(cast("WhatsAppPage", None), profile)
        process.communicate(b"\n")


async def test_a_copy_that_is_cancelled_while_it_is_made_leaves_nothing(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on, ended = threading.Event(), threading.Event(), threading.Event()
    copy_frozen = browser_module._copy_frozen

    def copy_slowly(profile: Path, to: Path) -> None:
        begun.set()
        goes_on.wait()
        try:
            copy_frozen(profile, to)
        finally:
            ended.set()

    monkeypatch.setattr(browser_module, "_copy_frozen", copy_slowly)

    async def copy() -> None:
        async with browser.copy_of_login():
            pass

    copying = asyncio.create_task(copy())
    await until(begun.is_set)
    copying.cancel()
    asyncio.get_running_loop().call_later(0.3, goes_on.set)  # a disk that takes its time
    await asyncio.wait({copying})
    await until(ended.is_set)
    assert [each.name for each in browser.profile.parent.iterdir()] == ["p"]
