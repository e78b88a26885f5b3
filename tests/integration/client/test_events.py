"""Follow the API's events with the client, over a line that is cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chatgrow_client import AsyncClient
from control_api.event_stream import follower
from tests.integration.client.cut_line import cut_line
from tests.integration.conftest import KEY
from tests.integration.event_api import EventApi, event_api

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database


@pytest.fixture
async def api(
    database: Database, redis: ArqRedis, api_settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EventApi]:
    monkeypatch.setattr(follower, "_COME_AGAIN_AFTER", timedelta(milliseconds=10))
    async with event_api(database, redis, api_settings) as api:
        yield api


async def test_events_are_followed_over_a_cut(api: EventApi) -> None:
    assert api.client.port is not None
    async with (
        cut_line(api.client.port) as line,
        AsyncClient(f"http://127.0.0.1:{line.port}", KEY) as chatgrow,
    ):
        await chatgrow.connections.create("main")
        await api.settled()
        async with chatgrow.events.follow("main") as events:
            assert (await anext(events)).type == "connection.state"
            first = await chatgrow.messages.send("main", "+972501234567", "One")
            event = await anext(events)
            assert (event.message_id, event.data["status"]) == (first.message_id, "queued")
            line.cut()
            second = await chatgrow.messages.send("main", "+972501234567", "Two")
            event = await anext(events)
            assert (event.message_id, event.connection_id) == (second.message_id, "main")
        assert line.connections >= 3
