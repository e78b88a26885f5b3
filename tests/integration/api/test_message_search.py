"""Searching messages over HTTP: what is found, in which order, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

from sessions.common.clock import utc_now
from sessions.common.ids import first_id, new_id
from sessions.connections.model import Connection
from sessions.messages.model import Draft, Message, MessageStatus, Priority
from sessions.messages.positions import QueuePositions
from sessions.messages.search import MessageFilter
from tests.builders import Stores
from tests.cases import in_one_test

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

MESSAGES = "/api/whatsapp/messages"
START = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 4000
PAGE = 50


async def _fill(stores: Stores, connection: Connection, count: int) -> list[dict[str, Any]]:
    """Store messages a minute apart: one in a hundred failed, to a hundred numbers in turn."""
    documents = [
        {
            "_id": first_id(START + timedelta(minutes=n)),
            "owner": connection.owner,
            "connection": connection.id,
            "connectionId": connection.connection_id,
            "to": f"9725000000{n % 100:02d}@c.us",
            "text": "x",
            "priority": 1,
            "seq": n,
            "status": "failed" if n % 100 == 7 else "queued" if n % 2 else "read",
            "queuedAt": START + timedelta(minutes=n),
            "dueAt": START + timedelta(minutes=n),
        }
        for n in range(count)
    ]
    await stores.database["messages"].insert_many(documents)
    return documents


async def _ids(client: Client, query: str) -> list[str]:
    answer = await client.get(f"{MESSAGES}?{query}")
    assert answer.status == 200, await answer.text()
    return [each["messageId"] for each in (await answer.json())["items"]]


async def test_a_search_finds_what_is_asked_for_newest_first(
    client: Client, stores: Stores
) -> None:
    main, other = await stores.connection(), await stores.connection("other")
    all_ = await _fill(stores, main, 200)
    elsewhere = await stores.message(other)
    newest = [each["_id"] for each in reversed(all_)]
    assert await _ids(client, "limit=200") == [elsewhere.id, *newest[:199]]
    assert await _ids(client, "connectionId=main&limit=200") == newest
    failed = [each["_id"] for each in reversed(all_) if each["status"] == "failed"]
    assert await _ids(client, "status=failed") == failed
    ended = [each["_id"] for each in reversed(all_) if each["status"] in ("failed", "read")]
    assert await _ids(client, "status=read,failed&limit=200") == ended
    assert await _ids(client, "to=%2B972-50-000-0007") == [all_[107]["_id"], all_[7]["_id"]]
    assert await _ids(client, "to=972500000007%40c.us&status=read") == []
    span = "since=2026-01-01T00:10:00Z&until=2026-01-01T00:12:00Z"
    assert await _ids(client, span) == [all_[11]["_id"], all_[10]["_id"]]


@in_one_test(
    "query",
    ["status=gone", "status=failed,gone", "to=12", "since=yesterday", "cursor=x", "limit=201"],
)
async def test_a_search_that_cannot_be_meant_is_refused(client: Client, query: str) -> None:
    answer = await client.get(f"{MESSAGES}?{query}")
    assert answer.status == 422


async def test_pages_follow_each_other_and_the_last_one_says_so(
    client: Client, stores: Stores
) -> None:
    all_ = await _fill(stores, await stores.connection(), 4)
    first = await (await client.get(f"{MESSAGES}?limit=2")).json()
    last = await (await client.get(f"{MESSAGES}?limit=2&cursor={first['cursor']}")).json()
    seen = [each["messageId"] for each in [*first["items"], *last["items"]]]
    assert seen == [each["_id"] for each in reversed(all_)]
    assert "cursor" not in last


async def test_no_search_looks_at_more_than_it_shows(stores: Stores) -> None:
    main = await stores.connection()
    await _fill(stores, main, MANY)
    for wanted in _searches(main):
        stats = await _explain(stores.database, wanted)
        assert "COLLSCAN" not in str(stats), wanted
        assert "'stage': 'SORT'" not in str(stats), wanted
        assert stats["totalDocsExamined"] <= PAGE + 1, wanted
        assert stats["totalKeysExamined"] <= PAGE + 1 + 2 * len(MessageStatus), wanted


def _searches(connection: Connection) -> Iterator[MessageFilter]:
    """Yield a search for each choice of what can be asked for."""
    read, failed = MessageStatus.READ, MessageStatus.FAILED
    several: list[list[MessageStatus]] = [[], [failed], [failed, read, MessageStatus.CANCELLED]]
    choices = product(["admin", None], [connection.id, None], [None, "972500000007@c.us"], several)
    for owner, its, to, statuses in choices:
        wanted = MessageFilter(owner=owner, connection=its, to=to, statuses=statuses)
        yield replace(wanted, since=START, until=START + timedelta(days=30))


async def _explain(database: Database, wanted: MessageFilter) -> dict[str, Any]:
    command = {
        "find": "messages",
        "filter": wanted.to_query(None),
        "sort": {"_id": -1},
        "limit": PAGE + 1,
        "hint": dict(wanted.index),
    }
    told = await database.command("explain", command, verbosity="executionStats")
    stats: dict[str, Any] = told["executionStats"]
    return stats


async def test_positions_are_those_of_the_order(stores: Stores) -> None:
    main, other = await stores.connection(), await stores.connection("other")
    added = []
    for n in range(30):
        connection, priority = (main, other)[n % 2], list(Priority)[n % 3]
        added.append(await stores.message(connection, priority=priority))
    for place in (3, 9, 14):
        await stores.outbox.cancel(None, added[place].id)
    waiting = [each for n, each in enumerate(added) if n not in (3, 9, 14)]
    positions = await QueuePositions(stores.database, utc_now).of(list(reversed(waiting)))
    for connection in (main, other):
        own = [each for each in waiting if each.connection == connection.id]
        own.sort(key=lambda each: (each.priority, each.seq))
        assert [positions[each.id] for each in own] == list(range(len(own)))


async def test_a_part_of_the_queue_has_its_positions_in_the_whole(stores: Stores) -> None:
    main = await stores.connection()
    drafts = [Draft(id=new_id(), to="x@c.us", text="x") for _ in range(100)]
    added: list[Message] = await stores.add(main, drafts)
    positions = await QueuePositions(stores.database, utc_now).of([added[99], added[7]])
    assert positions == {added[99].id: 99, added[7].id: 7}


async def test_a_page_of_waiting_messages_costs_a_few_queries(
    client: Client, stores: Stores
) -> None:
    for n in range(5):
        connection = await stores.connection(f"line-{n}")
        drafts = [Draft(id=new_id(), to="x@c.us", text="x") for _ in range(10)]
        await stores.add(connection, drafts)
    await stores.database.command("profile", 2)
    items = (await (await client.get(f"{MESSAGES}?limit=50")).json())["items"]
    await stores.database.command("profile", 0)
    assert len(items) == 50
    assert sorted({each["waiting"]["position"] for each in items}) == list(range(10))
    # Who asks is looked up besides, and the queues may be written down at the same time.
    assert await stores.database["system.profile"].count_documents({}) < 15
