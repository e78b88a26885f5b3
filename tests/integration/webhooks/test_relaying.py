"""One worker of the fleet relays, at once after an event, and another one when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chatgrow_worker.webhooks.relaying import Relaying, prepare_relay
from sessions.common.clock import utc_now
from sessions.conversations.inbox import Inbox
from sessions.conversations.seen import Sighting
from sessions.deletion.received import ReceivedErasure
from sessions.events.stream import EventStream, open_event_log
from sessions.network.guarded_client import GuardedClient
from sessions.outgoing_events.pending import HAS_PENDING
from tests.arrivals import FRIEND, arrival
from tests.builders import PLAIN, Stores
from tests.integration.webhooks.kit import Kit
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database

LONG = timedelta(hours=1)
SHORT = timedelta(milliseconds=50)
DIES_AFTER = timedelta(seconds=1)


@pytest.fixture
async def ringing(database: Database, redis: ArqRedis, kit: Kit) -> AsyncIterator[Kit]:
    """A kit whose stores publish their events in Redis."""
    async with open_event_log(redis) as events, GuardedClient() as client:
        yield Kit(Stores(database, events), client, kit.keys, PLAIN)


class _Relays:
    """Workers that relay, and how many events each has taken."""

    def __init__(self, kit: Kit, redis: ArqRedis) -> None:
        self._kit = kit
        self._redis = redis
        self.taken: dict[str, int] = {}

    async def _relaying(self, name: str, poll: timedelta) -> Relaying:
        self.taken[name] = 0

        def count(events: int) -> None:
            self.taken[name] += events

        turns = await prepare_relay(self._kit.database, self._kit.relay, name, DIES_AFTER)
        return Relaying(self._kit.relay, turns, EventStream(self._redis), count, poll)

    @asynccontextmanager
    async def running(self, name: str, poll: timedelta) -> AsyncIterator[asyncio.Event]:
        """Run one inside the block, until it is stopped in order."""
        stop, relaying = asyncio.Event(), await self._relaying(name, poll)
        task = asyncio.create_task(relaying.run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await task

    async def have_taken(self, count: int) -> None:
        """Wait until all of them together have taken so many events, and no entry is left."""
        await until(lambda: sum(self.taken.values()) == count)
        assert await self._kit.database["connections"].count_documents(HAS_PENDING) == 0


async def test_an_event_wakes_the_relay(ringing: Kit, redis: ArqRedis) -> None:
    relays = _Relays(ringing, redis)
    await ringing.webhook("https://crm.example/")
    async with relays.running("one", LONG):
        for count, name in enumerate(("first", "second", "third"), 1):
            await ringing.stores.connection(name)
            await relays.have_taken(count)


async def test_without_a_bell_the_poll_finds_all(kit: Kit, redis: ArqRedis) -> None:
    relays = _Relays(kit, redis)  # its stores publish nothing
    async with relays.running("one", SHORT):
        await kit.stores.connection()
        await relays.have_taken(1)


async def test_the_relay_knows_whether_anybody_hears_it(kit: Kit) -> None:
    await kit.stores.connection("first")
    await kit.relay_all()
    assert not kit.relay.is_heard
    await kit.webhook("https://crm.example/")
    await kit.stores.connection("second")
    await kit.relay_all()
    assert kit.relay.is_heard


async def test_what_one_pass_leaves_is_taken_at_once(kit: Kit, redis: ArqRedis) -> None:
    relays = _Relays(kit, redis)
    await kit.webhook("https://crm.example/")
    await kit.stores.connection()
    collection = kit.database["connections"]
    one = await collection.find_one({})
    assert one is not None
    many = [{**one, "_id": f"{each:026}", "connectionId": f"c{each}"} for each in range(600)]
    await collection.insert_many(many)
    async with relays.running("one", LONG):
        await relays.have_taken(601)


async def test_only_one_relays_and_another_follows(kit: Kit, redis: ArqRedis) -> None:
    relays = _Relays(kit, redis)
    await kit.webhook("https://crm.example/")
    async with relays.running("one", SHORT) as stop, relays.running("two", SHORT):
        for count, name in enumerate("abc", 1):
            await kit.stores.connection(name)
            await relays.have_taken(count)
        assert sorted(relays.taken.values()) == [0, 3]
        stop.set()
        await kit.stores.connection("d")
        await relays.have_taken(4)
        assert relays.taken["two"] in (1, 4)


async def test_a_dead_relay_is_replaced(kit: Kit, redis: ArqRedis) -> None:
    turns = await prepare_relay(kit.database, kit.relay, "dead", DIES_AFTER)
    assert await turns.take("relay")
    relays = _Relays(kit, redis)
    async with relays.running("lives", SHORT):
        await kit.stores.connection()
        await relays.have_taken(1)


async def test_an_array_that_an_erasure_has_emptied_goes(kit: Kit) -> None:
    connection = await kit.stores.connection()
    await kit.relay_all()
    message = await kit.stores.message(connection)
    await kit.database["messages"].update_one({"_id": message.id}, {"$set": {"untold": []}})
    await kit.relay_all()
    assert await kit.database["messages"].count_documents(HAS_PENDING) == 0


async def test_what_a_person_wrote_and_was_erased_in_between_is_not_stored(kit: Kit) -> None:
    """Of a received message something stays, which says nothing."""
    _, lease = await kit.stores.leased()
    await kit.webhook("https://crm.example/")
    await kit.relay_all()
    inbox = Inbox(kit.database, kit.stores.events, PLAIN, utc_now)
    await inbox.record(lease, Sighting(arrivals=(arrival(),)))
    erasures, take = ReceivedErasure(kit.database), kit.deliveries.take

    async def erased_before(events: object) -> None:
        assert await erasures.erase({}, {FRIEND}, utc_now()) == 1
        await take(events)  # type: ignore[arg-type]

    kit.deliveries.take = erased_before  # type: ignore[method-assign]
    await kit.relay_all()
    found = kit.database["webhookDeliveries"].count_documents({"type": "message.received"})
    assert await found == 0


async def test_what_was_erased_in_between_is_not_stored(kit: Kit, redis: ArqRedis) -> None:
    """The person is erased after the relay has read the message, and before it stores it."""
    connection = await kit.stores.connection()
    await kit.webhook("https://crm.example/")
    await kit.relay_all()
    message = await kit.stores.message(connection)
    take = kit.deliveries.take

    async def erased_before(events: object) -> None:
        await kit.database["messages"].delete_one({"_id": message.id})
        await kit.database["webhookDeliveries"].delete_many({"event": f"{message.id}.1"})
        await take(events)  # type: ignore[arg-type]

    kit.deliveries.take = erased_before  # type: ignore[method-assign]
    await kit.relay_all()
    found = kit.database["webhookDeliveries"].count_documents({"event": f"{message.id}.1"})
    assert await found == 0


async def test_a_webhook_that_is_deleted_in_between_leaves_nothing(kit: Kit) -> None:
    _, lease = await kit.stores.leased()
    webhook, _ = await kit.webhook("https://crm.example.com/")
    kept, _ = await kit.webhook("https://other.example.com/")
    inbox = Inbox(kit.database, kit.stores.events, PLAIN, utc_now)
    await inbox.record(lease, Sighting((arrival(),)))
    insert = kit.deliveries._insert

    async def after_deletion(documents: Any) -> None:
        await kit.webhooks.delete(webhook)
        await kit.deliveries.delete_of([webhook.id])
        await insert(documents)

    kit.deliveries._insert = after_deletion  # type: ignore[method-assign]
    await kit.relay.pass_on()
    assert await kit.database["webhookDeliveries"].distinct("webhook") == [kept.id]
