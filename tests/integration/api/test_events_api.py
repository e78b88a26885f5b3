"""Following events over HTTP: from the present on, after a break, within one's rights."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer
from arq.connections import ArqRedis

from control_api.app import build_app
from sessions.common.callers import Scope
from sessions.common.clock import utc_now
from sessions.connections.model import QrCode
from sessions.connections.states import ConnectionState, Reason
from sessions.embedded import embedded_servers
from sessions.events.log import GAP, Event
from sessions.events.stream import STREAM, EventStream, open_event_log
from sessions.messages.model import Draft
from sessions.queue.doorbell import open_redis
from tests.builders import OWNER, TO, Stores
from tests.integration.conftest import KEY
from tests.integration.event_api import ALL, LIMITS, EventApi, event_api
from tests.integration.services import services_with
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from control_api.services import Services
    from control_api.settings import ApiSettings
    from sessions.connections.model import Connection
    from sessions.messages.model import Message
    from sessions.storage.mongo import Database
    from tests.event_reader import EventReader, Received

S = ConnectionState
ONE = "/api/whatsapp/connections/main/events"


@pytest.fixture
async def api(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> AsyncIterator[EventApi]:
    async with event_api(database, redis, api_settings) as api:
        yield api


async def _messages(stores: Stores, connection: Connection, count: int) -> list[Message]:
    drafts = [Draft(id=f"m{number}", to=TO, text="a secret text") for number in range(count)]
    return await stores.add(connection, drafts)


async def _shown(stores: Stores, code: str = "2@a,code") -> None:
    """Have the one connection show a QR code."""
    lease = await stores.leases().acquire()
    assert lease is not None
    await stores.connections.move(lease, S.STARTING, S.AWAITING_SCAN, Reason.QR_SHOWN)
    qr = QrCode(code=code, expires_at=utc_now() + timedelta(minutes=1))
    await stores.connections.show_qr(lease, qr)


async def _reads(api: EventApi) -> int:
    """Return how often Redis was asked for new events."""
    return int((await api.redis.info("commandstats"))["cmdstat_xread"]["calls"])


def _ids(events: Sequence[Received]) -> list[str]:
    return [each.data["messageId"] for each in events if each.type == "message.status"]


async def test_the_present_comes_first_and_then_what_follows(api: EventApi) -> None:
    connection = await api.stores.connection()
    await api.settled()
    follower = await api.follow()
    assert follower.response.headers["Content-Type"] == "text/event-stream"
    assert follower.response.headers["Cache-Control"] == "no-store"
    assert follower.response.headers["X-Accel-Buffering"] == "no"
    first = await follower.next()
    assert (first.type, first.data["state"]) == ("connection.state", "starting")
    assert (first.data["connectionId"], first.data["owner"]) == ("main", OWNER)

    messages = await _messages(api.stores, connection, 3)
    await _shown(api.stores)
    later = await api.stores.connection("later")
    events = await follower.until("connection.state", connectionId=later.connection_id)
    assert [each.type for each in events] == [
        *["message.status"] * 3,
        *["connection.state"] * 2,
        "connection.qr",
        "connection.state",
    ]
    assert _ids(events) == [each.id for each in messages]
    assert "secret" not in json.dumps([each.data for each in events])


async def test_one_connections_events_are_its_own(api: EventApi) -> None:
    await api.stores.connection()
    other = await api.stores.connection("other")
    await api.settled()
    follower = await api.follow(ONE)
    assert (await follower.next()).data["connectionId"] == "main"
    await follower.until_marked()
    await _messages(api.stores, other, 3)
    await api.stores.connections.want(await api.stores.connections.find(OWNER, "main"), "stopped")
    told = await follower.until("connection.state", state="stopped")
    assert {each.data["connectionId"] for each in told} == {"main"}


async def test_a_stream_goes_on_exactly_after_the_last_event(api: EventApi) -> None:
    connection = await api.stores.connection()
    await api.settled()
    follower = await api.follow()
    await follower.next()
    await follower.until_marked()
    messages = await _messages(api.stores, connection, 5)
    seen = await follower.take(2)
    follower.response.close()
    rest = await (await api.follow(after=seen[-1].id)).take(3)
    assert _ids([*seen, *rest]) == [each.id for each in messages]
    newest = await api.follow(after=rest[-1].id)
    await api.stores.connection("later")
    assert (await newest.next()).data["connectionId"] == "later"


async def test_what_has_left_the_window_comes_from_redis_piece_by_piece(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    async with event_api(database, redis, api_settings, window=10) as api:
        connection = await api.stores.connection()
        await api.settled()
        follower = await api.follow()
        await follower.next()
        place = await follower.until_marked()
        messages = await _messages(api.stores, connection, 1000)
        expected = [each.id for each in messages]
        assert _ids(await follower.take(1000)) == expected
        assert _ids(await (await api.follow(after=place)).take(1000)) == expected


@pytest.mark.parametrize("lost", ["never was", "trimmed", "wiped", "wiped and filled"])
async def test_what_is_lost_is_a_gap_with_the_states_behind_it(
    database: Database, redis: ArqRedis, api_settings: ApiSettings, lost: str
) -> None:
    async with event_api(database, redis, api_settings, window=2) as api:
        connection = await api.stores.connection()
        await api.settled()
        follower = await api.follow()
        await follower.next()
        messages = await _messages(api.stores, connection, 8)
        place = (await follower.take(2))[-1].id
        await follower.take(6)
        if lost == "trimmed":
            await redis.xtrim(STREAM, maxlen=3, approximate=False)
        elif lost == "never was":
            place = "12-34"
        else:
            await redis.delete(STREAM)
        if lost == "wiped and filled":
            await api.stores.outbox.cancel(OWNER, messages[0].id)
            await follower.next()
        late = await api.follow(after=place)
        gap, state = await late.take(2)
        assert (gap.type, gap.data) == ("gap", {})
        assert (state.type, state.data["state"]) == ("connection.state", "starting")
        await api.stores.outbox.cancel(OWNER, messages[1].id)
        assert _ids([await late.next()]) == [messages[1].id]


async def test_a_gap_is_told_to_those_who_follow(api: EventApi) -> None:
    connection = await api.stores.connection()
    await api.settled()
    follower = await api.follow()
    await follower.next()
    await follower.until_marked()
    api.stores.events.publish(GAP)
    await _messages(api.stores, connection, 1)
    gap, state, message = await follower.take(3)
    assert [each.type for each in (gap, state, message)] == [
        "gap",
        "connection.state",
        "message.status",
    ]
    again = await api.follow(after=gap.id)
    assert (await again.next()).id == message.id


async def test_only_the_owners_events_are_told_and_all_to_an_administrator(
    api: EventApi,
) -> None:
    mine = await api.stores.connection("main", "someone")
    theirs = await api.stores.connection("main", "another")
    _, headers = await api.key("someone")
    await api.settled()
    follower, admin = await api.follow(headers=headers), await api.follow()
    only_own = await api.follow(f"{ALL}?owner={OWNER}")
    assert (await follower.next()).data["owner"] == "someone"
    assert [each.data["owner"] for each in await admin.take(2)] == ["someone", "another"]
    await follower.until_marked()
    await admin.until_marked()
    await _messages(api.stores, theirs, 2)
    await api.stores.connections.want(theirs, "stopped")
    await api.stores.connections.want(mine, "stopped")
    assert (await follower.next()).data["owner"] == "someone"
    told = await admin.take(4)
    assert [each.type for each in told] == ["message.status"] * 2 + ["connection.state"] * 2
    await api.stores.connection()
    assert (await only_own.next()).data["owner"] == OWNER

    for path, status in {
        "/api/whatsapp/connections/other/events": 404,
        f"{ALL}?owner=another": 403,
        f"{ONE}?owner=another": 403,
    }.items():
        assert (await api.client.get(path, headers=headers)).status == status


async def test_qr_codes_are_for_those_who_manage(api: EventApi) -> None:
    await api.stores.connection("main", "someone")
    _, reads = await api.key("someone", Scope.READ)
    _, sends = await api.key("someone", Scope.SEND)
    assert (await api.client.get(ALL, headers=sends)).status == 403
    assert (await api.client.get(ALL, headers={"X-Api-Key": "none"})).status == 401
    await api.settled()
    reader, manager = await api.follow(headers=reads), await api.follow()
    for each in (reader, manager):
        await each.next()
        await each.until_marked()
    await _shown(api.stores, "2@secret")
    assert (await manager.until("connection.qr"))[-1].data["code"] == "2@secret"
    await api.stores.connection("later", "someone")
    told = await reader.until("connection.state", connectionId="later")
    assert [each.type for each in told] == ["connection.state"] * 3

    # Nor does the present show it, though it does to who may.
    await api.settled()
    late = await api.follow(headers=reads)
    assert [each.type for each in await late.take(2)] == ["connection.state"] * 2
    assert (await (await api.follow()).take(2))[1].data["code"] == "2@secret"


async def test_a_revoked_key_and_a_deleted_connection_end_the_stream(
    api: EventApi, database: Database
) -> None:
    connection = await api.stores.connection("main", "someone")
    key, headers = await api.key("someone")
    await api.settled()
    by_key = await api.follow(headers=headers)
    await by_key.next()
    await api.services.keys.revoke("someone", key, utc_now())
    assert await by_key.until_ended() == []

    _, headers = await api.key("someone")
    await api.settled()
    by_connection = await api.follow(ONE, headers=headers)
    await by_connection.next()
    await database["connections"].delete_one({"_id": connection.id})
    await api.stores.connection("main", "someone")
    assert await by_connection.until_ended() == []


async def test_an_owner_follows_only_so_many_streams(api: EventApi) -> None:
    _, headers = await api.key("someone")
    followers = [await api.follow(headers=headers) for _ in range(LIMITS.per_owner)]
    refused = await api.client.get(ALL, headers=headers)
    problem = await refused.json()
    assert (refused.status, problem["code"]) == (429, "too_many_streams")
    assert int(refused.headers["Retry-After"]) == problem["retryAfterSeconds"]
    assert await (await api.follow()).until_marked()
    followers[0].response.close()

    async def free() -> bool:
        answer = await api.client.get(ALL, headers=headers)
        status = answer.status
        answer.close()
        return status == 200

    await until(free)


async def test_an_id_that_is_none_is_refused(api: EventApi) -> None:
    for bad in ("x", "1", "1-2-3", "-1-0", "1-", "99999999999999999999-0", "1-٣", "1 - 0"):
        answer = await api.client.get(ALL, headers={"Last-Event-ID": bad})
        problem = await answer.json()
        assert (answer.status, problem["errors"][0]["field"]) == (422, "Last-Event-ID"), bad


async def test_head_and_an_unknown_parameter_follow_nothing(api: EventApi) -> None:
    head = await api.client.head(ALL)
    assert (head.status, head.headers["Content-Type"]) == (200, "text/event-stream")
    assert (await api.client.get(f"{ALL}?since=1")).status == 422


async def test_without_redis_a_client_is_told_when_to_ask_again(services: Services) -> None:
    nowhere = EventStream(ArqRedis(host="127.0.0.1", port=1))
    app = build_app(services_with(services, events=nowhere), upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        answer = await client.get(ALL)
        problem = await answer.json()
        assert (answer.status, problem["code"]) == (503, "store_unavailable")
        assert answer.headers["Retry-After"] == str(problem["retryAfterSeconds"])


async def test_a_quiet_stream_is_kept_alive_and_its_place_moves_with_others(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    limits = replace(LIMITS, keep_alive=timedelta(milliseconds=50))
    async with event_api(database, redis, api_settings, limits) as api:
        theirs = await api.stores.connection("main", "another")
        _, headers = await api.key("someone")
        follower = await api.follow(headers=headers)
        place = await follower.until_marked()
        await _messages(api.stores, theirs, 5)
        newest = await api.settled()
        assert newest != place
        await follower.until_place(newest)
        assert follower.comments > 0
        # What it did not see is no reason for a gap.
        await redis.xtrim(STREAM, maxlen=1, approximate=False)
        again = await api.follow(after=follower.last_id, headers=headers)
        await api.stores.connection("main", "someone")
        assert (await again.next()).type == "connection.state"


async def test_a_client_that_takes_nothing_is_cut_off_and_harms_nobody(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    limits = replace(LIMITS, write=timedelta(seconds=1))
    async with event_api(database, redis, api_settings, limits) as api:
        quick = await api.follow()
        await quick.until_marked()
        async with _stuck(api) as slow:
            expected = [each.id for each in await _much(api, quick)]
            await until(lambda: api.streams.count == 1)
            got = await _rest(slow)
        assert got == expected[: len(got)]
        assert len(got) < len(expected)
        rest = await (await api.follow(after=got[-1])).take(len(expected) - len(got))
        assert [*got, *(each.id for each in rest)] == expected


async def test_events_are_read_as_long_as_anybody_follows(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    # With its upkeep, the business side follows all the time, to hear what customers answer.
    async with event_api(database, redis, api_settings) as api:
        follower = await api.follow()
        await follower.until_marked()
        follower.response.close()
        await until(lambda: api.streams.count == 0)
        before = await _reads(api)
        for number in range(10):
            await EventStream(api.redis).append([Event(f"unseen-{number}", OWNER, "", "{}")])
        assert await _reads(api) <= before + 1, "The one that was under way, and no more."

        newcomer = await api.follow()
        await newcomer.until_marked()
        await EventStream(api.redis).append([Event("seen", OWNER, "", "{}")])
        assert (await newcomer.next()).type == "seen"


async def test_events_go_after_their_time_and_nobody_who_has_read_them_misses_any(
    api: EventApi,
) -> None:
    follower = await api.follow()
    await follower.until_marked()
    stream = EventStream(api.redis, kept_for=timedelta(0))
    for number in range(3):
        await stream.append([Event(f"old-{number}", OWNER, "", "{}")])
    last = [await follower.next() for _ in range(3)][-1]

    async def trimmed() -> bool:
        await stream.trim()
        return bool(await api.redis.xlen(STREAM) == 0)

    await until(trimmed)
    await stream.append([Event("new", OWNER, "", "{}")])
    assert (await follower.next()).type == "new"
    again = await api.follow(after=last.id)
    assert (await again.next()).type == "new"


async def test_a_program_removes_old_events(redis: ArqRedis) -> None:
    await EventStream(redis).append([Event("old", OWNER, "", '{"code":"2@old"}')])
    async with open_event_log(redis, kept_for=timedelta(milliseconds=50)):

        async def gone() -> bool:
            return bool(await redis.xlen(STREAM) == 0)

        await until(gone)


async def test_streams_end_at_once_when_the_program_stops(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    limits = replace(LIMITS, write=timedelta(minutes=10))
    async with asyncio.timeout(20), event_api(database, redis, api_settings, limits) as api:
        quick = await api.follow()
        await quick.until_marked()
        async with _stuck(api):
            await _much(api, quick)
            ending = asyncio.create_task(quick.until_ended())
            await api.client.server.close()
            assert await ending == []


async def test_redis_may_die_stand_still_and_lose_everything(
    database: Database, api_settings: ApiSettings, tmp_path: Path
) -> None:
    async with (
        embedded_servers(tmp_path, need_mongo=False) as uris,
        open_redis(uris.redis, timedelta(seconds=30)) as redis,
        event_api(database, redis, api_settings) as api,
    ):
        await redis.config_set("appendfsync", "always")
        connection = await api.stores.connection()
        await api.settled()
        follower = await api.follow()
        await follower.next()
        await follower.until_marked()

        os.kill(int((await redis.info("server"))["process_id"]), signal.SIGKILL)
        messages = await _messages(api.stores, connection, 3)
        assert _ids(await follower.take(3)) == [each.id for each in messages]

        pid = int((await redis.info("server"))["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            await api.stores.connections.want(connection, "stopped")
            accepted = await api.client.post(
                "/api/whatsapp/send", json={"connectionId": "main", "to": TO, "message": "Hello"}
            )
            assert accepted.status == 202
        finally:
            os.kill(pid, signal.SIGCONT)
        await follower.until("message.status", messageId=(await accepted.json())["messageId"])

        await redis.flushall()
        await redis.client_kill_filter(_type="normal")
        assert (await follower.next()).type == "gap"
        assert (await follower.next()).data["state"] == "stopped"
        await api.stores.connections.want(connection, "running")
        assert (await follower.next()).data["state"] == "starting"


async def test_two_programs_tell_the_same_and_a_dead_worker_once(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    async with (
        event_api(database, redis, api_settings, upkeep=True) as one,
        event_api(database, redis, api_settings, upkeep=True) as two,
        open_event_log(redis) as events,
    ):
        worker = Stores(database, events)
        connection = await one.stores.connection()
        followers = [await each.follow(ONE) for each in (one, two)]
        lease = await worker.leases(ttl=timedelta(milliseconds=500)).acquire(connection.id)
        assert lease is not None
        await worker.connections.move(lease, S.STARTING, S.CONNECTED, None)
        told = [await each.until("connection.state", state="disconnected") for each in followers]
        assert {each[-1].data["reason"] for each in told} == {"worker_lost"}
        assert told[0][-1].id == told[1][-1].id
        for api in (one, two):
            await api.stores.connections.announce_lost()
        await one.stores.connections.want(connection, "stopped")
        for each in followers:
            assert (await each.next()).data["state"] == "stopped"
        # Who goes on at another program may be ahead of it for a moment.
        again = await two.follow(ONE, after=told[0][-1].id)
        assert (await again.next()).data["state"] == "stopped"


async def _much(api: EventApi, reader: EventReader) -> list[Received]:
    """Publish more than fits between the program and a client that takes nothing; read it."""
    data = json.dumps({"messageId": "m", "padding": "x" * 100_000})
    api.stores.events.publish(*[replace(GAP, type="message.status", data=data)] * 100)
    return await reader.take(100)


async def _rest(stuck: asyncio.StreamReader) -> list[str]:
    """Return the ids of the events that arrived whole before the line was cut."""
    arrived = b""
    with suppress(ConnectionError):
        while piece := await stuck.read(1 << 20):
            arrived += piece
    return [found.decode() for found in re.findall(rb"id: (\S+)\nevent: .*\ndata: .*\n\n", arrived)]


@asynccontextmanager
async def _stuck(api: EventApi) -> AsyncIterator[asyncio.StreamReader]:
    """Follow events and take nothing of them."""
    with socket.socket() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.setblocking(False)
        server = api.client.server
        await asyncio.get_running_loop().sock_connect(plug, (server.host, server.port))
        reader, writer = await asyncio.open_connection(sock=plug, limit=1)
        writer.write(f"GET {ALL} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {KEY}\r\n\r\n".encode())
        assert await reader.readexactly(15) == b"HTTP/1.1 200 OK"
        yield reader
        writer.transport.abort()
