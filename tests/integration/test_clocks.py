"""Hosts whose clocks differ from MongoDB's: order, schedule and pace keep to MongoDB's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from control_api.settings import ApiSettings
from sessions.acceptance import Acceptance, SendWish
from sessions.clock import utc_now
from sessions.doorbell import Doorbell
from sessions.idempotency import IdempotencyStore
from sessions.messages import Message, MessageStatus
from sessions.metrics import ProcessMetrics
from tests.builders import OWNER, Stores
from tests.dispatching import dispatching, reaches
from tests.fake_page import FakePage
from tests.integration.conftest import KEY

if TYPE_CHECKING:
    from arq.connections import ArqRedis

HOUR = timedelta(hours=1)


def off_by(distance: timedelta) -> Callable[[], datetime]:
    """Return the clock of a host that is ahead, or behind."""
    return lambda: utc_now() + distance


async def test_what_is_not_scheduled_is_due_at_once_whatever_the_senders_clock_says(
    stores: Stores, redis: ArqRedis
) -> None:
    _, lease = await stores.leased()

    async def send(text: str, now: Callable[[], datetime]) -> Message:
        keys, metrics = IdempotencyStore(stores.database), ProcessMetrics()
        api = Acceptance(stores.connections, stores.outbox, keys, Doorbell(redis), metrics, now)
        wish = {"connectionId": "main", "to": "+972501234567", "message": text}
        wishes = [SendWish.model_validate(wish)]
        (message,) = (await api.accept(OWNER, "main", wishes, None, b"")).messages
        return message

    await send("first, from a host that is ahead", off_by(HOUR))
    last = await send("second", utc_now)
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, last, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["first, from a host that is ahead", "second"]


@pytest.mark.parametrize("distance", [-HOUR, HOUR])
async def test_what_is_not_scheduled_is_never_shown_as_scheduled(
    stores: Stores, redis: ArqRedis, api_settings: ApiSettings, distance: timedelta
) -> None:
    await stores.connection()
    clock = off_by(distance)
    services = await Services.open(stores.database, redis, stores.events, api_settings, clock)
    await services.keys.ensure_first(KEY, clock())
    wish = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
    async with TestClient(TestServer(build_app(services)), headers={"X-Api-Key": KEY}) as client:
        answer = await client.post("/api/whatsapp/send", json=wish)
        accepted = await answer.json()
        shown = await (await client.get(answer.headers["Location"])).json()
    for each in (accepted, shown):
        assert each["waiting"]["reason"] == "connection_starting"
    assert "sendAt" not in shown
