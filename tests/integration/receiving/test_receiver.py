"""The receiver goes on where the page or the clock is against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chatgrow_worker.receiving import receiver as receiving
from chatgrow_worker.receiving.receiver import Receiver, ReceivingLimits
from chatgrow_worker.receiving.sweep import SweepLimits
from sessions.common.clock import utc_now
from sessions.outgoing_events.pending import pending_in
from sessions.storage.mongo import STORE_DOWN
from tests.builders import Stores
from tests.logged import logged
from tests.received_table import FIRST_LIVE_ROW, Row
from tests.receiving_world import ReceivingWorld
from tests.refusing import refusing

_DAY = timedelta(days=1)


async def _world(stores: Stores, ago: timedelta = _DAY) -> ReceivingWorld:
    connection, lease = await stores.leased()
    begin = utc_now() - ago
    linked = {"$set": {"linkedAt": begin}}
    await stores.database["connections"].update_one({"_id": connection.id}, linked)
    return ReceivingWorld(stores, connection, lease, begin)


def _texts(documents: list[dict[str, Any]]) -> list[str | None]:
    return [each.get("text") for each in documents]


async def test_live_messages_are_recorded_although_the_table_cannot_be_read(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await _world(stores)
    world.page.unreadable = True
    world.says("live", 10)
    await world.look()
    assert _texts(await world.documents()) == ["live"]
    # What came without an event is found as soon as the table can be read.
    world.page.unreadable = False
    world.page.load()
    world.says("missed", 10)
    world.page.items.clear()
    monkeypatch.setattr(receiving, "_SWEEP_AGAIN", timedelta(0))
    world.receiver = world.new_receiver(world.lease)
    await world.look()
    assert _texts(await world.documents()) == ["live", "missed"]


async def test_messages_are_recorded_in_their_order_during_a_sweep(stores: Stores) -> None:
    world = await _world(stores)
    world.close()
    for number in range(20):
        world.says(f"missed {number}", 100)
    await world.start()
    world.says("live", 100)
    await world.look()
    assert _texts(await world.documents()) == [*(f"missed {n}" for n in range(20)), "live"]


async def test_an_item_that_cannot_be_read_does_not_stop_the_others(stores: Stores) -> None:
    world = await _world(stores)
    await world.look()
    broken: list[dict[str, Any]] = [
        {"kind": "message", "key": "nonsense"},
        {"kind": "reaction", "key": "false_1@c.us_X", "sender": "1@c.us", "at": -1},
        {"kind": "of another version"},
    ]
    for each in broken:
        world.page.tell(each)
    world.says("half a character: \ud83d", 10)
    await world.look()
    assert _texts(await world.documents()) == ["half a character: \ufffd"]


@pytest.mark.parametrize("swept", [False, True])
async def test_one_message_that_mongodb_refuses_does_not_stop_the_others(
    stores: Stores, swept: bool
) -> None:
    world = await _world(stores)
    await world.look()
    if swept:
        world.receiver.away()
    for text in ("first", "poison", "last"):
        world.says(text, 10)
    with logged("ERROR") as lines:
        async with refusing(stores.database, "receivedMessages", {"text": {"$ne": "poison"}}):
            await world.look()
            world.receiver.away()
            await world.look()
        await world.look()
    present = [each for each in await world.documents() if "erased" not in each]
    assert _texts(present) == ["first", "last"]
    (left_out,) = [each for each in await world.documents() if "erased" in each]
    (line,) = lines
    assert left_out["key"] in line
    assert "poison" not in line


async def test_what_mongodb_refuses_like_everything_else_is_recorded_later(stores: Stores) -> None:
    world = await _world(stores)
    await world.look()
    world.says("first", 10)
    async with refusing(stores.database, "receivedMessages"):
        with pytest.raises(STORE_DOWN):
            await world.look()
    await world.look()
    assert _texts(await world.documents()) == ["first"]


@pytest.mark.parametrize(
    ("within", "told"), [(timedelta(hours=1), []), (timedelta(0), ["message.received"])]
)
async def test_a_message_without_content_is_told_of_after_a_time(
    stores: Stores, within: timedelta, told: list[str]
) -> None:
    world = await _world(stores)
    limits = ReceivingLimits(SweepLimits(_DAY * 90), content_within=within)
    world.receiver = Receiver(world.page, stores.inbox, stores.marks, world.lease, limits, utc_now)
    world.says(None, 10)
    for _ in range(2):
        await world.look()
        world.receiver.away()
    (document,) = await world.documents()
    assert [each.type for each in pending_in(document)] == told


async def test_history_is_recorded_only_if_that_is_asked_for(stores: Stores) -> None:
    world = await _world(stores, timedelta(minutes=5))
    item = {
        "kind": "message",
        "key": "false_1@c.us_OLD",
        "sender": "1@c.us",
        "at": int((world.begin - _DAY).timestamp()),
        "type": "chat",
        "text": "from before",
        "history": True,
    }
    world.page.rows.append(Row(FIRST_LIVE_ROW - 1, item))
    await world.look()
    assert await world.documents() == []
    limits = ReceivingLimits(SweepLimits(_DAY * 90, history=_DAY * 2))
    world.receiver = Receiver(world.page, stores.inbox, stores.marks, world.lease, limits, utc_now)
    await world.look()
    (document,) = await world.documents()
    assert document["fromHistory"]
    # The phone may send more of it later.
    assert world.receiver.due is not None


async def test_an_idle_page_costs_nothing(stores: Stores) -> None:
    world = await _world(stores)
    await world.look()
    assert world.receiver.due is None
    stores.inbox._connections = None  # type: ignore[assignment]
    stores.marks._connections = None  # type: ignore[assignment]
    await world.look()
