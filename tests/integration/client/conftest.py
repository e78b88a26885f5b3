"""What the tests of the client share: clients of the API, over a line that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chatgrow_client import AsyncClient, RetryPolicy
from tests.integration.client.cut_line import CutLine, cut_line
from tests.integration.conftest import KEY

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

QUICK = RetryPolicy(first_pause=timedelta(milliseconds=1))


@pytest.fixture
async def line(client: TestClient[web.Request, web.Application]) -> AsyncIterator[CutLine]:
    """Give a test a line to the API."""
    assert client.port is not None
    async with cut_line(client.port) as line:
        yield line


@pytest.fixture
def address(line: CutLine) -> str:
    """Give a test the address of the API, over the line."""
    return f"http://127.0.0.1:{line.port}"


@pytest.fixture
async def chatgrow(address: str) -> AsyncIterator[AsyncClient]:
    """Give a test a client that has the first key, and pauses for milliseconds only."""
    async with AsyncClient(address, KEY, retries=QUICK) as chatgrow:
        yield chatgrow
