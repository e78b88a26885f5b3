"""Answers are read when they come: between them, nobody asks MongoDB for any."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from control_api import background
from control_api.event_stream.bell import Bell
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.events.log import GAP, Event, EventType
from tests.integration.event_api import event_api
from tests.seen_commands import noting
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database
    from tests.builders import Stores

NEVER = timedelta(days=1)
RECEIVED = Event(EventType.MESSAGE_RECEIVED, "admin", "internal", "{}")
SENT = Event(EventType.MESSAGE_STATUS, "admin", "internal", "{}")


@pytest.mark.parametrize("event", [RECEIVED, GAP])
async def test_a_bell_rings_for_its_events_alone_and_for_lost_ones(
    database: Database, redis: ArqRedis, api_settings: ApiSettings, event: Event
) -> None:
    async with event_api(database, redis, api_settings) as api:
        with api.streams.feed.followed():
            bell = Bell(api.streams.feed, [EventType.MESSAGE_RECEIVED], NEVER)
            await bell.wait()  # what came earlier may have been missed
            ringing = asyncio.create_task(bell.wait())
            api.stores.events.publish(SENT)
            await api.settled()
            assert not ringing.done()
            api.stores.events.publish(event)
            await ringing


async def test_a_bell_rings_for_what_came_while_nobody_waited(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    async with event_api(database, redis, api_settings) as api:
        with api.streams.feed.followed():
            bell = Bell(api.streams.feed, [EventType.MESSAGE_RECEIVED], NEVER)
            await bell.wait()
            api.stores.events.publish(RECEIVED, SENT)
            await api.settled()
            await bell.wait()


async def test_a_bell_rings_by_itself_when_no_event_comes(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    async with event_api(database, redis, api_settings) as api:
        with api.streams.feed.followed():
            bell = Bell(api.streams.feed, [EventType.MESSAGE_RECEIVED], timedelta(milliseconds=1))
            for _ in range(3):
                await bell.wait()


async def test_an_answer_is_read_when_its_event_comes_and_nothing_is_asked_before(
    database: Database,
    stores: Stores,
    servers: ServerUris,
    redis: ArqRedis,
    api_settings: ApiSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "_REPLIES_AT_LEAST_EVERY", NEVER)
    async with (
        noting(database, servers.mongo) as (noted, seen),
        event_api(noted, redis, api_settings, upkeep=True) as api,
    ):

        async def looked_twice() -> bool:
            return seen.names().count("find businessMarks") == 2

        await until(looked_twice)  # at the start, and once more when events are followed
        api.stores.events.publish(SENT)
        await api.settled()
        assert await looked_twice()
        message = await _receive(stores)
        api.stores.events.publish(RECEIVED)

        async def handled() -> bool:
            return await database["handledReplies"].find_one({"_id": message}) is not None

        await until(handled)


async def _receive(stores: Stores) -> str:
    document = {
        "_id": new_id(),
        "owner": "admin",
        "connection": "internal",
        "connectionId": "main",
        "chatId": "972541234567@c.us",
        "type": "text",
        "text": "hello",
        "key": new_id(),
        "recordedAt": utc_now(),
    }
    await stores.database["receivedMessages"].insert_one(document)
    return str(document["_id"])
