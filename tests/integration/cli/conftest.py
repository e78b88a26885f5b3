"""What the tests of the command line share: a shell, logged in to the API over its first key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command_line import CommandLine, Ran
from tests.integration.conftest import KEY

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
def shell(client: TestClient[web.Request, web.Application], tmp_path: Path) -> CommandLine:
    """Give a test a shell whose environment has the address and the first key."""
    address = f"http://127.0.0.1:{client.port}"
    environ = {"CHATGROW_URL": address, "CHATGROW_KEY": KEY}
    return CommandLine(tmp_path / "config", environ)


@pytest.fixture
def run(shell: CommandLine) -> Run:
    """Give a test what runs a command beside the API, which is served by the test's own loop."""

    async def ran(*arguments: str, typed: str | bytes | None = None) -> Ran:
        return await asyncio.to_thread(shell.run, *arguments, typed=typed)

    return ran
