"""Messages whose time runs out while nobody runs their connection."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.connections.model import Connection
from sessions.messages.expiry import Expiry
from sessions.messages.model import Draft, Message, MessageStatus
from tests.builders import OWNER, TO, Stores
from tests.dispatching import reaches
from tests.integration.conftest import WITH_UPKEEP
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    Client = TestClient[web.Request, web.Application]

PAST, TOMORROW = timedelta(seconds=-1), timedelta(days=1)


async def _add(stores: Stores, connection: Connection, *lives: timedelta | None) -> list[Message]:
    now = utc_now()
    drafts = [
        Draft(id=new_id(), to=TO, text="Hi", expires_at=None if life is None else now + life)
        for life in lives
    ]
    return await stores.add(connection, drafts)


def _told(stores: Stores) -> list[tuple[str, str]]:
    data: list[dict[str, Any]] = [json.loads(each.data) for each in stores.events.take()]
    return [(each["messageId"], each["status"]) for each in data if "messageId" in each]


@WITH_UPKEEP
async def test_the_api_ends_what_is_overdue_where_no_worker_does(
    client: Client, stores: Stores
) -> None:
    main = await stores.connection()
    others = await stores.connection("other", owner="somebody else")
    await stores.connections.want(main, "stopped")
    (overdue, *stay) = await _add(stores, main, PAST, TOMORROW, None)
    (theirs,) = await _add(stores, others, PAST)
    ended = await reaches(stores, overdue, MessageStatus.EXPIRED)
    assert ended.expired_at is not None

    async def theirs_too() -> bool:
        found = await stores.outbox.find(others.owner, theirs.id)
        return found.status is MessageStatus.EXPIRED

    await until(theirs_too)
    for each in stay:
        assert (await stores.outbox.find(OWNER, each.id)).status is MessageStatus.QUEUED
    assert (await stores.outbox.depth(main.id)).queued == len(stay)


async def test_what_expires_is_told_once_by_all_who_look(stores: Stores) -> None:
    connection = await stores.connection()
    added = await _add(stores, connection, *[PAST] * 20)
    _told(stores)
    sweeps = [Expiry(stores.database, stores.events) for _ in range(5)]
    await asyncio.gather(*(each.end_overdue() for each in sweeps))
    assert sorted(_told(stores)) == sorted((each.id, "expired") for each in added)


async def test_only_what_is_overdue_is_looked_at(stores: Stores) -> None:
    for name in ("main", "other"):
        lives = [None, TOMORROW] * 300
        await _add(stores, await stores.connection(name), PAST, PAST, *lives)
    await stores.database.command("profile", 2)
    await Expiry(stores.database, stores.events).end_overdue()
    await stores.database.command("profile", 0)
    mine = {"ns": f"{stores.database.name}.messages"}
    operations = [each async for each in stores.database["system.profile"].find(mine)]
    assert await stores.database["messages"].count_documents({"status": "expired"}) == 4
    assert max(each["docsExamined"] for each in operations) <= 4
    assert max(each["keysExamined"] for each in operations) <= 2 * 4 + 1
