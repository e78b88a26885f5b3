"""Prove that the simulated WhatsApp Web runs as a process, and comes back after a stop."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from playwright.async_api import async_playwright

from tests.conftest import ROOT
from tests.integration.whatsapp_web_driver import Hand, open_tab

pytestmark = pytest.mark.slow

ME = "+972501234567"
FRIEND = "15551234567@c.us"


class Simulator:
    """The module as people start it."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.url = ""

    async def start(self) -> None:
        port = str(urlsplit(self.url).port or 0)
        command = [sys.executable, "-m", "tests.whatsapp_web", "--port", port]
        self._process = await asyncio.create_subprocess_exec(
            *(*command, "--data", str(self._data)), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert self._process.stdout is not None
        about = json.loads(await self._process.stdout.readline())
        assert about["pid"] == self._process.pid
        self.url = about["url"]

    async def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await self._process.wait() == 0


async def test_a_page_outlives_a_restart_of_the_service(tmp_path: Path) -> None:
    simulator = Simulator(tmp_path / "data")
    await simulator.start()
    async with (
        aiohttp.ClientSession() as session,
        async_playwright() as playwright,
        open_tab(playwright, simulator.url, tmp_path / "profile") as tab,
    ):
        hand = Hand(session, simulator.url)
        await tab.open()
        await hand.link(tab, ME)
        await tab.send(FRIEND, "before")
        await simulator.stop()
        await tab.until("!WPP.conn.isOnline()")
        await tab.start_send(FRIEND, "meanwhile")
        await simulator.start()
        await tab.until("window.sent?.result === 'OK'")
        assert [entry["text"] for entry in await hand.ledger()] == ["before", "meanwhile"]
        assert all(entry["arrivals"] == 1 for entry in await hand.ledger())
    await simulator.stop()
