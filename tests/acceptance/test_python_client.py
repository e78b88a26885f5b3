"""The Python client, installed alone, sends through the whole stack."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client_environment import client_environment
from tests.stack_client import ROOT, THEIR_PHONE

if TYPE_CHECKING:
    from tests.stack_client import StackClient

SCRIPT = ROOT / "client/examples/plain_script.py"


@pytest.mark.slow
async def test_an_installed_client_sends_a_message(system: StackClient, tmp_path: Path) -> None:
    python = await asyncio.to_thread(client_environment, tmp_path)
    await system.create()
    await system.scan()
    await system.until_state("connected")
    environment = {"CHATGROW_URL": system.about["api"], "CHATGROW_KEY": system.about["apiKey"]}
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-I", str(SCRIPT), THEIR_PHONE),
        env={**environment, "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert said.startswith(b"Delivered at")
    assert [each["text"] for each in await system.ledger()] == ["Your order is on its way."]
