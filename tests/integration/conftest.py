"""What integration tests share: stores over the real MongoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import Stores

if TYPE_CHECKING:
    from sessions.mongo import Database


@pytest.fixture
async def stores(database: Database) -> Stores:
    """Give a test its stores, indexes made."""
    stores = Stores(database)
    await stores.prepare()
    return stores
