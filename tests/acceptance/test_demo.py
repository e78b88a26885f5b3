"""`make demo` as a newcomer sees it."""

import asyncio
import os
import re
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.demo.story import draw

WITHIN = timedelta(seconds=100)


# Tests the demo; of the product, other tests show the same.
@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_demo_shows_the_main_job_from_end_to_end() -> None:
    demo = await _demo()
    async with asyncio.timeout(WITHIN.total_seconds()):
        said, complaint = await demo.communicate()
    assert demo.returncode == 0, complaint.decode()
    text = said.decode()
    assert text.count("█") > 500, "a QR code is drawn"
    assert re.findall(r" s {4}(read)\n", text) == ["read"] * 3
    assert "Connected by the other worker, without a scan" in text
    assert "three messages, each arrived once" in text


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_demo_of_a_shop_books_asks_and_hears_the_answer() -> None:
    demo = await _demo("--business")
    async with asyncio.timeout(WITHIN.total_seconds()):
        said, complaint = await demo.communicate()
    assert demo.returncode == 0, complaint.decode()
    text = said.decode()
    assert "Reply 1 to confirm, 2 to cancel." in text
    assert "The appointment is confirmed" in text
    assert "cancelled (superseded)" in text


@pytest.mark.slow
async def test_a_demo_without_a_browser_says_why(tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho 'No usable sandbox!' >&2\nexit 1\n")
    browser.chmod(0o755)
    demo = await _demo(CHROMIUM_PATH=str(browser))
    async with asyncio.timeout(WITHIN.total_seconds()):
        _, complaint = await demo.communicate()
    assert demo.returncode == 1
    text = complaint.decode()
    assert "(browser_unavailable); again in" in text
    assert "No usable sandbox!" in text
    assert "The browser does not start" in text


@pytest.mark.slow
async def test_a_demo_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    demo = await _demo(TMPDIR=str(tmp_path))
    assert demo.stdout is not None
    async with asyncio.timeout(WITHIN.total_seconds()):
        while "Waiting for WhatsApp Web" not in (await demo.stdout.readline()).decode():
            pass
        demo.send_signal(signal.SIGINT)
        await demo.communicate()
    assert demo.returncode == 130
    assert list(tmp_path.glob("chatgrow-stack-*")) == []


def test_a_qr_code_is_drawn_light_on_dark_with_a_quiet_zone() -> None:
    rows = draw("https://example.org").splitlines()
    assert len({len(row) for row in rows}) == 1
    assert set(rows[0]) == {"█"}
    assert all(row.startswith("██") for row in rows[:-1])


async def _demo(*options: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.demo", *options),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A shell that runs the tests in the background makes them, and so the demo, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
