"""The command line, installed alone, links a phone and sends through the whole stack."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.client_environment import client_environment
from tests.stack_client import OUR_PHONE, THEIR_PHONE

if TYPE_CHECKING:
    from tests.stack_client import StackClient


class Installed:
    """The installed program, with a folder for its user's login."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program = program
        self._environ = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(home)}

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            *(str(self._program), *arguments),
            env=self._environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, typed: str = "") -> bytes:
        """Run a command that has to be done; return what it printed."""
        process = await self.begin(*arguments)
        said, _ = await process.communicate(typed.encode())
        assert process.returncode == 0
        return said


async def _scanned(system: StackClient, link: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    """Read what the linking tells to its end, and have the phone scan the first code."""
    assert link.stdout is not None
    told = []
    async for line in link.stdout:
        told.append(json.loads(line))
        codes = [each for each in told if "code" in each]
        if codes == told[-1:]:
            await system.control("POST", "phones", {"number": OUR_PHONE})
            scan = {"code": told[-1]["code"]}
            await system.control("POST", f"phones/{OUR_PHONE}/scan", scan)
    return told


@pytest.mark.slow
async def test_an_installed_command_line_links_and_sends(
    system: StackClient, tmp_path: Path
) -> None:
    python = await asyncio.to_thread(client_environment, tmp_path, "cli")
    chatgrow = Installed(python.with_name("chatgrow"), tmp_path)
    await chatgrow.run("login", system.about["api"], typed=system.about["apiKey"])
    link = await chatgrow.begin("link", "main", "--json")
    told = await _scanned(system, link)
    assert await link.wait() == 0
    assert (told[-1]["state"], told[-1]["phoneNumber"]) == ("connected", OUR_PHONE)
    text = "ההזמנה שלך בדרך"
    await chatgrow.run("send", THEIR_PHONE, "--wait", "delivered", typed=text)
    assert [each["text"] for each in await system.ledger()] == [text]
    (message,) = json.loads(await chatgrow.run("messages", "--json"))
    assert message["text"] == text
    assert message["status"] in ("delivered", "read")
