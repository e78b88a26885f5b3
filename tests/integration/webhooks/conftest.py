"""What the tests of deliveries share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from sessions.encryption.keys import Key, KeyRing
from sessions.messages.sealed_texts import TextSealer
from sessions.network.guarded_client import GuardedClient
from tests.integration.webhooks.kit import Kit
from tests.integration.webhooks.receiver import Receiver, receiving
from tests.ports import LOOPBACK

if TYPE_CHECKING:
    from tests.builders import Stores


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def kit(stores: Stores) -> AsyncIterator[Kit]:
    keys = KeyRing([Key.generate()])
    async with GuardedClient([LOOPBACK]) as client:
        yield Kit(stores, client, keys, TextSealer(keys, on=False))
