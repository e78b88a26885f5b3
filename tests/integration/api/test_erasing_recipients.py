"""Who is erased is found nowhere: in no collection of MongoDB and in no key of Redis."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from bson import encode

from sessions.deletion.recipients import Erasures
from sessions.events.log import EventLog
from sessions.events.stream import EventStream
from sessions.messages.model import MessageStatus
from sessions.queue.doorbell import SHARED_QUEUE, Job
from tests.builders import OWNER, Stores
from tests.integration.conftest import WITH_UPKEEP
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from control_api.services import Services
    from sessions.connections.leases import Lease
    from sessions.messages.model import Message
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client

DIGITS = "972501234567"
CHAT = f"{DIGITS}@c.us"
LID = "71234567890123@lid"
OTHER = "972509999999@c.us"
PATH = f"/api/recipients/{DIGITS}"


async def naming(database: Database, redis: ArqRedis, *needles: str) -> set[str]:
    """Return every collection and key that holds one of these in any name or value."""
    found = set()
    for name in await database.list_collection_names():
        async for document in database[name].find({}):
            if any(each.encode() in encode(document) for each in needles):
                found.add(name)
    for key in await redis.keys("*"):
        held = key + await _dump(redis, key)
        if any(each.encode() in held for each in needles):
            found.add(key.decode())
    return found


async def _dump(redis: ArqRedis, key: bytes) -> bytes:
    """Return what a key holds, whatever its type."""
    name = key.decode()
    read: dict[str, Any] = {
        "string": lambda: redis.get(name),
        "stream": lambda: redis.xrange(name),
        "zset": lambda: redis.zrange(name, 0, -1),
        "hash": lambda: redis.hgetall(name),
        "set": lambda: redis.smembers(name),
        "list": lambda: redis.lrange(name, 0, -1),
    }
    kind = (await redis.type(name)).decode()
    return repr(await read[kind]()).encode() if kind in read else b""


async def _claimed(stores: Stores, lease: Lease) -> Message:
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    await stores.queue.write_down(lease, claimed, f"true_{LID}_3EB0", LID, new_chat=True)
    return claimed


async def publish(stores: Stores, redis: ArqRedis) -> None:
    """Bring to Redis what the stores have told, as a program does."""
    await EventStream(redis).append(stores.events.take())


@pytest.fixture
async def lease(stores: Stores, services: Services, client: Client, redis: ArqRedis) -> Lease:
    """Have a connection that knows the person in every way there is."""
    connection, lease = await stores.leased()
    body = {"connectionId": "main", "to": f"+{DIGITS}", "message": "Your name is on the list"}
    sent = await client.post("/api/whatsapp/send", json=body, headers={"Idempotency-Key": "one"})
    assert sent.status == 202
    await stores.queue.settle(lease, await _claimed(stores, lease), MessageStatus.SENT)
    for _ in range(2):
        await stores.message(connection, to=CHAT)
    await stores.message(connection, to=LID)
    await stores.message(connection, to=OTHER)
    await services.numbers.of(OWNER).remember(CHAT, LID)
    await services.checks.ask(connection.id, CHAT)
    await services.linking.ask_for_pairing(connection.id, f"+{DIGITS}")
    await redis.enqueue_job(str(Job.SEND_MESSAGE), body, OWNER, _queue_name=SHARED_QUEUE)
    await redis.enqueue_job(
        str(Job.SEND_MESSAGE), {**body, "to": OTHER}, OWNER, _queue_name=SHARED_QUEUE
    )
    await publish(stores, redis)
    return lease


@pytest.mark.parametrize("named", [f"+{DIGITS}", "00972 50-123 4567", CHAT, LID])
async def test_nothing_is_left_of_a_person_who_is_erased(
    client: Client, lease: Lease, database: Database, redis: ArqRedis, named: str
) -> None:
    assert len(await naming(database, redis, DIGITS)) >= 5
    answer = await client.delete(f"/api/recipients/{quote(named, safe='')}")
    assert answer.status == 200
    erased = await answer.json()
    assert erased["messages"] == 4
    assert erased["cancelled"] == 3
    assert erased["sending"] == 0
    for kind in ("numberChecks", "knownNumbers", "idempotencyKeys", "jobs"):
        assert erased[kind] == 1, kind
    assert erased["events"] >= 4
    assert await naming(database, redis, DIGITS, LID.partition("@")[0]) == set()
    other = await naming(database, redis, OTHER.partition("@")[0])
    assert {"messages", "chatgrow:events"} <= other
    assert await redis.zcard(SHARED_QUEUE) == 1


async def test_the_same_key_does_not_send_once_more(client: Client, lease: Lease) -> None:
    await client.delete(PATH)
    body = {"connectionId": "main", "to": f"+{DIGITS}", "message": "Your name is on the list"}
    again = await client.post("/api/whatsapp/send", json=body, headers={"Idempotency-Key": "one"})
    assert again.status == 422
    assert (await again.json())["code"] == "idempotency_key_reused"


@WITH_UPKEEP
async def test_what_is_being_sent_is_erased_when_it_is_sent(
    client: Client, stores: Stores, lease: Lease, database: Database, redis: ArqRedis
) -> None:
    in_hand = await _claimed(stores, lease)
    answer = await client.delete(PATH)
    assert answer.status == 202
    assert (await answer.json())["sending"] == 1
    await stores.queue.settle(lease, in_hand, MessageStatus.SENT)
    await publish(stores, redis)

    async def gone() -> bool:
        return await naming(database, redis, DIGITS, LID.partition("@")[0]) == set()

    await until(gone)


async def test_what_is_sent_while_the_rest_is_erased_is_erased_too(
    stores: Stores, lease: Lease, database: Database, redis: ArqRedis, services: Services
) -> None:
    in_hand = await _claimed(stores, lease)

    class SentMeanwhile(Erasures):
        async def _erase_numbers(self, erasure: Any) -> int:
            erased = await super()._erase_numbers(erasure)
            await services.numbers.of(OWNER).remember(CHAT, LID)
            await stores.queue.settle(lease, in_hand, MessageStatus.SENT)
            await publish(stores, redis)
            return erased

    erased = await SentMeanwhile(database, redis, stores.events).erase(OWNER, CHAT)
    assert erased.sending == 1
    await services.erasures.go_on()
    assert await naming(database, redis, DIGITS, LID.partition("@")[0]) == set()


async def test_no_erasure_reads_all_idempotency_keys(
    client: Client, lease: Lease, database: Database
) -> None:
    await database.command("profile", 2)
    assert (await client.delete(PATH)).status == 200
    await database.command("profile", 0)
    asked = database["system.profile"].find({"ns": f"{database.name}.idempotencyKeys"})
    plans = [each.get("planSummary", "") async for each in asked if each["op"] == "update"]
    assert plans
    assert [each for each in plans if "COLLSCAN" in each] == []


async def test_what_a_worker_had_in_hand_that_is_gone_is_erased(
    client: Client, stores: Stores, lease: Lease, database: Database, redis: ArqRedis
) -> None:
    await _claimed(stores, lease)
    gone = {"$set": {"lease.expiresAt": datetime(2020, 1, 1, tzinfo=UTC), "desired": "stopped"}}
    await database["connections"].update_one({"_id": lease.connection}, gone)
    await publish(stores, redis)
    answer = await client.delete(PATH)
    assert (answer.status, (await answer.json())["sending"]) == (200, 0)
    assert await naming(database, redis, DIGITS, LID.partition("@")[0]) == set()


async def test_events_that_wait_to_be_published_are_erased(
    client: Client, stores: Stores, lease: Lease, database: Database, redis: ArqRedis
) -> None:
    connection = await stores.connections.get(lease.connection)
    await stores.message(connection, to=CHAT)
    kept = await stores.message(connection, to=OTHER)
    assert (await client.delete(PATH)).status == 200
    await publish(stores, redis)
    assert await naming(database, redis, DIGITS) == set()
    assert "chatgrow:events" in await naming(database, redis, kept.id)


async def test_events_that_a_worker_publishes_later_are_erased(
    client: Client, lease: Lease, services: Services, database: Database, redis: ArqRedis
) -> None:
    worker = EventLog()
    connection = await services.connections.find(OWNER, "main")
    message = await Stores(database, worker).message(connection, to=CHAT)
    other = await Stores(database, worker).message(connection, to=OTHER)
    await client.delete(PATH)
    # Redis was away for the worker until now.
    await EventStream(redis).append(worker.take())
    await services.erasures.go_on()
    assert await naming(database, redis, DIGITS, message.id) == set()
    assert "chatgrow:events" in await naming(database, redis, other.id)


async def test_an_erasure_that_was_cut_off_is_completed(
    stores: Stores, lease: Lease, database: Database, redis: ArqRedis, services: Services
) -> None:
    class CutOffError(Exception):
        pass

    class CutOff(Erasures):
        async def _erase_numbers(self, erasure: object) -> int:
            raise CutOffError

    with pytest.raises(CutOffError):
        await CutOff(database, redis, stores.events).erase(OWNER, CHAT)
    await services.erasures.go_on()
    assert await naming(database, redis, DIGITS, LID.partition("@")[0]) == set()


async def test_only_an_administrator_erases_a_person_from_everybodys_records(
    client: Client, stores: Stores, services: Services, database: Database, redis: ArqRedis
) -> None:
    for owner in (OWNER, "someone"):
        connection = await stores.connection(owner=owner)
        await stores.message(connection, to=CHAT)
        await services.numbers.of(owner).remember(CHAT, CHAT)
    answer = await client.delete(PATH)
    assert (await answer.json())["messages"] == 1
    assert await naming(database, redis, DIGITS) == {"messages", "knownNumbers"}
    answer = await client.delete(PATH + "?allOwners=true")
    assert (await answer.json())["messages"] == 1
    assert await naming(database, redis, DIGITS) == set()


async def test_a_number_that_is_none_is_refused(client: Client) -> None:
    answer = await client.delete("/api/recipients/nobody")
    assert answer.status == 422
    assert (await answer.json())["code"] == "invalid_parameter"
