"""What tests of receiving share: a page that is linked once for most of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Playwright

from tests.builders import Stores
from tests.integration.receiving.listening import Line, LinkedPage, linked_page
from tests.integration.whatsapp_web_driver import lasting_world, small_world


@pytest.fixture(scope="package")
async def lasting_page(
    tmp_path_factory: pytest.TempPathFactory, playwright: Playwright, person: Browser
) -> AsyncIterator[LinkedPage]:
    """Link a page for many tests."""
    async with (
        lasting_world(tmp_path_factory.mktemp("world"), playwright) as world,
        linked_page(world, person) as page,
    ):
        yield page


@pytest.fixture
async def line(lasting_page: LinkedPage, stores: Stores) -> Line:
    """Give a test a page that has messages of others, of which nothing is recorded."""
    return await lasting_page.line(stores)


@pytest.fixture
async def own_line(
    tmp_path: Path, playwright: Playwright, person: Browser, stores: Stores
) -> AsyncIterator[Line]:
    """Give a test a page of its own, which has no message."""
    async with small_world(tmp_path, playwright) as world, linked_page(world, person) as page:
        yield await page.line(stores)
