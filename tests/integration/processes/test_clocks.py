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
from sessions.common.clock import utc_now
from sessions.connections.model import Connection, Held
from sessions.connections.pacing import DAY, HOUR, MINUTE, Pacing
from sessions.messages.acceptance import Acceptance
from sessions.messages.idempotency import IdempotencyStore
from sessions.messages.media_intake import MediaIntake
from sessions.messages.model import Message, MessageStatus
from sessions.messages.quotas import QueueQuota
from sessions.messages.referred import ReferredMessages
from sessions.messages.requests import SendRequest
from sessions.metrics import ProcessMetrics
from sessions.queue.doorbell import Doorbell
from sessions.storage.server_clock import ServerClock
from tests.builders import OWNER, PLAIN, Stores
from tests.dispatching import dispatching, reaches
from tests.fake_page import FakePage
from tests.integration.conftest import KEY
from tests.logged import logged
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis


def off_by(distance: timedelta) -> Callable[[], datetime]:
    """Return the clock of a host that is ahead, or behind."""
    return lambda: utc_now() + distance


async def test_what_is_not_scheduled_is_due_at_once_whatever_the_senders_clock_says(
    stores: Stores, redis: ArqRedis
) -> None:
    _, lease = await stores.leased()

    async def send(text: str, now: Callable[[], datetime]) -> Message:
        keys, metrics = IdempotencyStore(stores.database, PLAIN), ProcessMetrics()
        api = Acceptance(
            stores.outbox,
            keys,
            Doorbell(redis),
            metrics,
            now,
            QueueQuota(stores.database, 1000),
            PLAIN,
            MediaIntake(stores.media),
            ReferredMessages(stores.database),
        )
        wish = {"connectionId": "main", "to": "+972501234567", "message": text}
        wishes = [SendRequest.model_validate(wish)]
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
    services = await Services.over(stores.database, redis, stores.events, api_settings, clock)
    await services.keys.choose_first(KEY, clock())
    wish = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
    async with TestClient(
        TestServer(build_app(services, upkeep=False)), headers={"X-Api-Key": KEY}
    ) as client:
        answer = await client.post("/api/whatsapp/send", json=wish)
        accepted = await answer.json()
        shown = await (await client.get(answer.headers["Location"])).json()
    for each in (accepted, shown):
        assert each["waiting"]["reason"] == "connection_starting"
    assert "sendAt" not in shown


async def test_who_signs_in_at_a_host_that_is_behind_is_signed_in(
    stores: Stores, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    mongodbs = off_by(HOUR)
    services = await Services.over(stores.database, redis, stores.events, api_settings, mongodbs)
    await services.keys.choose_first(KEY, mongodbs())
    person = {
        "email": "dana@example.com",
        "password": "correct horse battery staple",
        "setupToken": KEY,
    }
    async with TestClient(TestServer(build_app(services, upkeep=False))) as client:
        signed_in = await (await client.post("/api/auth/register", json=person)).json()
        headers = {"Authorization": f"Bearer {signed_in['accessToken']}"}
        assert (await client.get("/api/auth/me", headers=headers)).status == 200


@pytest.mark.parametrize("distance", [-HOUR, -timedelta(seconds=90), timedelta(seconds=90), HOUR])
async def test_a_clock_that_is_off_is_set_by_mongodbs_and_told_once(
    stores: Stores, distance: timedelta
) -> None:
    clock = ServerClock(stores.database, off_by(distance))
    with logged("WARNING") as lines:
        for _ in range(3):
            await clock.measure()
            # This host is MongoDB's.
            assert abs(clock() - utc_now()) < timedelta(seconds=30)
    assert len(lines) == 1
    assert ("ahead of" if distance > timedelta(0) else "behind") in lines[0]


@pytest.mark.parametrize("before", [[], [timedelta(0), timedelta(0)]])
async def test_an_answer_that_took_long_makes_a_clock_no_worse(
    stores: Stores, before: list[timedelta]
) -> None:
    now = utc_now()
    times = iter([now + each for each in (*before, -HOUR, 2 * HOUR, DAY)])
    clock = ServerClock(stores.database, lambda: next(times))
    with logged("WARNING") as lines:
        for _ in range(len(before) // 2 + 1):
            await clock.measure()
    assert abs(clock() - now - DAY) < timedelta(seconds=30)
    assert lines == []


@pytest.mark.parametrize("distance", [-HOUR, HOUR])
async def test_a_worker_whose_clock_is_off_keeps_the_pace(
    stores: Stores, distance: timedelta
) -> None:
    connection, lease = await stores.leased()
    pacing = Pacing(per_minute=1, jitter_seconds=(0, 0), typing=False)
    await stores.connections.change(connection, {"pacing": pacing.model_dump(by_alias=True)})
    first, second = [await stores.message(connection, text) for text in ("first", "second")]
    clock = ServerClock(stores.database, off_by(distance))
    await clock.measure()
    page = FakePage()

    async def held_or_sent() -> bool:
        sent = await stores.outbox.find(OWNER, second.id)
        return sent.status is MessageStatus.SENT or await _held(stores, connection) is not None

    async with dispatching(stores, page, lease, now=clock):
        sent = await reaches(stores, first, MessageStatus.SENT)
        await until(held_or_sent)
    held = await _held(stores, connection)
    assert held is not None
    assert sent.sent_at is not None
    assert held.until == sent.sent_at + MINUTE
    assert [text for _, text in page.delivered] == ["first"]


async def _held(stores: Stores, connection: Connection) -> Held | None:
    return (await stores.connections.get(connection.id)).held
