"""What webhooks are told reaches a real receiver, signed, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks.webhooks import WebhookVerificationError

from chatgrow_worker.webhooks.metrics import Result
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.encryption.keys import Key, KeyRing
from sessions.messages.model import Draft
from sessions.messages.sealed_texts import TextSealer, rotate_texts
from sessions.network.guarded_client import GuardedClient
from sessions.outgoing_events.families import OutgoingEvent
from sessions.outgoing_events.relay import Relay
from sessions.webhooks.deliveries import Redrive
from sessions.webhooks.families import all_families
from sessions.webhooks.model import DeliveryStatus, DisabledReason
from sessions.webhooks.schedule import GIVEN_UP_AFTER, WAITS
from sessions.webhooks.secrets import rotate_webhook_secrets
from tests.builders import OWNER, PLAIN, TO
from tests.integration.webhooks.kit import Kit
from tests.integration.webhooks.receiver import (
    Behaviour,
    Receiver,
    drips,
    floods,
    hangs,
    receiving,
    status,
)
from tests.integration.webhooks.telling import published
from tests.ports import LOOPBACK, free_port
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.connections.model import Connection
    from sessions.messages.model import Message

S = DeliveryStatus
OTHER = "972507654321@c.us"


@pytest.fixture
async def connection(kit: Kit) -> Connection:
    connection = await kit.stores.connection()
    await kit.relay_all()
    return connection


async def _messages(kit: Kit, connection: Connection, count: int, to: str = TO) -> list[Message]:
    drafts = [Draft(id=new_id(), to=to, text="Hello") for _ in range(count)]
    return await kit.stores.add(connection, drafts)


async def test_an_event_reaches_its_receiver_signed(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, secret = await kit.webhook(receiver.url)
    (message,) = await _messages(kit, connection, 1)
    await kit.tell(webhook)
    (got,) = receiver.got
    event = got.verified(secret)
    assert (got.id, event["type"]) == (f"{message.id}.1", "message.status")
    assert event["data"]["messageId"] == message.id
    assert event["timestamp"].endswith("Z")
    assert got.headers["content-type"] == "application/json"
    (delivery,) = await kit.told(webhook)
    assert delivery.status is S.DELIVERED
    assert [each.status_code for each in delivery.tries] == [204]
    await kit.tell(webhook)
    assert len(receiver.got) == 1


async def test_a_webhook_is_told_only_what_it_asked_for(kit: Kit, receiver: Receiver) -> None:
    main, second = await kit.stores.connection("main"), await kit.stores.connection("second")
    await kit.stores.connection("main", owner="another")
    await kit.relay_all()
    one, _ = await kit.webhook(receiver.url, events=["message.status"], connections=[main.id])
    foreign, _ = await kit.webhook(receiver.url, owner="another")
    for each in (main, second):
        await _messages(kit, each, 1)
    await kit.stores.connections.want(main, "stopped")
    await kit.relay_all()
    assert [(each.type, each.connection) for each in await kit.told(one)] == [
        ("message.status", main.id)
    ]
    assert await kit.told(foreign) == []


class _CrashError(Exception):
    """The process dies here."""


class _DyingSink:
    """Store events, and die before anybody learns of it."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def owners(self) -> set[str]:
        return await self._kit.deliveries.owners()

    async def take(self, events: Sequence[OutgoingEvent]) -> None:
        await self._kit.deliveries.take(events)
        raise _CrashError

    async def forget(self, events: Sequence[str]) -> None:
        await self._kit.deliveries.forget(events)


async def test_a_crash_before_the_relay_loses_nothing(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    (message,) = await _messages(kit, connection, 1)
    # Whoever wrote this is gone; another process relays.
    await Relay(kit.database, all_families(PLAIN), kit.deliveries).pass_on()
    await kit.delivering.deliver_all(webhook.id)
    assert [each.id for each in receiver.got] == [f"{message.id}.1"]


async def test_a_crash_in_the_relay_tells_nothing_twice(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await _messages(kit, connection, 2)
    with pytest.raises(_CrashError):
        await Relay(kit.database, all_families(PLAIN), _DyingSink(kit)).pass_on()
    await kit.tell(webhook)
    await kit.tell(webhook)
    assert len(receiver.got) == len({each.id for each in receiver.got}) == 2


async def test_a_crash_before_the_record_repeats_the_same_id(
    kit: Kit, connection: Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await _messages(kit, connection, 1)

    async def dies(*_: object) -> None:
        raise _CrashError

    with monkeypatch.context() as dying:
        dying.setattr(kit.deliveries, "record", dies)
        with pytest.raises(_CrashError):
            await kit.tell(webhook)
    await kit.tell(webhook)
    first, again = receiver.got
    assert (first.id, first.body) == (again.id, again.body)
    (delivery,) = await kit.told(webhook)
    assert delivery.status is S.DELIVERED


async def test_a_dead_worker_is_replaced(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.answers.append(hangs)
    await _messages(kit, connection, 1)
    await kit.relay_all()
    dies, stop = kit.deliverers("dies", timedelta(milliseconds=500)), asyncio.Event()
    dies.start(webhook.id)
    await until(lambda: len(receiver.got) == 1)
    # Its lease is not renewed: to all others it is dead.
    sweeping = asyncio.create_task(kit.deliverers("lives").sweep(stop))
    await until(lambda: len(receiver.got) == 2)
    assert receiver.got[0].id == receiver.got[1].id
    stop.set()
    await sweeping


async def test_a_lost_job_is_found_by_the_sweep(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    await kit.webhook(receiver.url)
    await _messages(kit, connection, 1)
    await kit.relay_all()
    stop = asyncio.Event()
    sweeping = asyncio.create_task(kit.deliverers("one").sweep(stop))
    await until(lambda: len(receiver.got) == 1)
    stop.set()
    await sweeping


async def test_a_slow_receiver_does_not_delay_others(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    async with receiving() as slow:
        slow.usually = hangs
        await kit.webhook(slow.url)
        await kit.webhook(receiver.url)
        await _messages(kit, connection, 20)
        await kit.relay_all()
        stop = asyncio.Event()
        sweeping = asyncio.create_task(kit.deliverers("one").sweep(stop))
        await until(lambda: len(receiver.got) == 20)
        assert Result.UNREACHABLE not in kit.tries[:20]
        stop.set()
        await sweeping


async def test_a_dead_receiver_costs_little(kit: Kit, connection: Connection) -> None:
    webhook, _ = await kit.webhook(f"http://{LOOPBACK}:{free_port()}/")
    await _messages(kit, connection, 100)
    await kit.tell(webhook)
    assert 5 <= len(kit.tries) <= 5 + 8
    found = await kit.webhooks.find(OWNER, webhook.id)
    assert found.held_until is not None
    assert found.failing_since is not None
    tried = [each for each in await kit.told(webhook) if each.tries]
    assert {each.tries[0].error for each in tried} == {"host_unreachable"}
    assert {each.status for each in tried} == {S.PENDING}
    # After the pause one is tried, and not all.
    before = len(kit.tries)
    await kit.make_due(webhook)
    await kit.delivering.deliver_all(webhook.id)
    assert len(kit.tries) == before + 1


async def test_a_receiver_that_works_again_gets_all(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.usually = status(500, "broken")
    await _messages(kit, connection, 20)
    await kit.tell(webhook)
    receiver.usually = status(200)
    await kit.make_due(webhook)
    await kit.delivering.deliver_all(webhook.id)
    assert {each.status for each in await kit.told(webhook)} == {S.DELIVERED}
    assert (await kit.webhooks.find(OWNER, webhook.id)).failures == 0


async def test_only_failures_in_a_row_count(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.answers.extend([status(500), status(200)] * 8)
    await _messages(kit, connection, 16)
    await kit.tell(webhook)
    assert len(receiver.got) == 16
    assert (await kit.webhooks.find(OWNER, webhook.id)).held_until is None


@pytest.mark.parametrize("code", [301, 302, 307, 400, 404, 429, 500, 503])
async def test_any_other_answer_is_a_failure(
    kit: Kit, connection: Connection, receiver: Receiver, code: int
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.usually = status(code, "no", Location=receiver.url)
    await _messages(kit, connection, 1)
    await kit.tell(webhook)
    assert len(receiver.got) == 1
    (delivery,) = await kit.told(webhook)
    (made,) = delivery.tries
    assert (delivery.status, made.status_code, made.answer) == (S.PENDING, code, "no")


async def test_the_schedule(kit: Kit, connection: Connection, receiver: Receiver) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.usually = status(500)
    await _messages(kit, connection, 1)
    await kit.relay_all()
    waits = []
    for _ in WAITS:
        await kit.make_due(webhook)
        await kit.delivering.deliver_all(webhook.id)
        (delivery,) = await kit.told(webhook)
        waits.append(delivery.due_at - delivery.tries[-1].at)
    assert len(receiver.got) == 10
    assert len({each.id for each in receiver.got}) == 1
    assert delivery.status is S.FAILED
    for waited, meant in zip(waits, WAITS[1:], strict=False):
        assert meant <= waited <= meant * 1.1 + timedelta(seconds=20)


async def test_410_disables_and_the_other_webhooks_are_told(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    kit.stores.events.take()
    other, secret = await kit.webhook(receiver.url, events=["webhook.disabled"])
    async with receiving() as leaving:
        leaving.usually = status(410)
        webhook, _ = await kit.webhook(leaving.url)
        await _messages(kit, connection, 1)
        await kit.tell(webhook)
        found = await kit.webhooks.find(OWNER, webhook.id)
        assert (found.enabled, found.disabled_reason) == (False, DisabledReason.GONE)
        assert [each.status for each in await kit.told(webhook)] == [S.FAILED]
        await kit.tell(other, webhook)
        await _messages(kit, connection, 1)
        await kit.tell(webhook)
        assert len(leaving.got) == 1
    (got,) = receiver.got
    event = got.verified(secret)
    assert (event["type"], event["data"]["reason"]) == ("webhook.disabled", "gone")
    assert ("webhook.disabled", event["data"]) in published(kit.stores.events)


async def test_five_days_of_failure_disable(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.usually = status(500)
    await _messages(kit, connection, 2)
    for age, enabled in ((timedelta(days=4), True), (GIVEN_UP_AFTER, False)):
        await kit.database["webhooks"].update_one(
            {"_id": webhook.id}, {"$set": {"failures": 1, "failingSince": utc_now() - age}}
        )
        await kit.tell(webhook)
        await kit.make_due(webhook)
        assert (await kit.webhooks.find(OWNER, webhook.id)).enabled is enabled
    found = await kit.webhooks.find(OWNER, webhook.id)
    assert found.disabled_reason is DisabledReason.FAILING
    # What waits is delivered when it is switched on again.
    receiver.usually = status(200)
    await kit.webhooks.change(found, {"enabled": True})
    await kit.tell(webhook)
    assert {each.status for each in await kit.told(webhook)} == {S.DELIVERED}


async def test_a_receiver_that_never_answers(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.usually = hangs
    await _messages(kit, connection, 1)
    await kit.tell(webhook)
    (delivery,) = await kit.told(webhook)
    assert delivery.tries[0].error == "fetch_timed_out"
    assert delivery.tries[0].status_code is None


@pytest.mark.parametrize(("behaviour", "begins"), [(floods, "x" * 1024), (drips, "slowly")])
async def test_of_an_answer_without_end_the_beginning_is_kept(
    kit: Kit, connection: Connection, receiver: Receiver, behaviour: Behaviour, begins: str
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    receiver.usually = behaviour
    await _messages(kit, connection, 1)
    await kit.tell(webhook)
    (delivery,) = await kit.told(webhook)
    assert delivery.status is S.DELIVERED
    assert delivery.tries[0].answer == begins


class _Moving(AbstractResolver):
    """A resolver whose name is inside our network from the second look on."""

    def __init__(self) -> None:
        self.looks = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.looks += 1
        address = "192.0.2.1" if self.looks == 1 else LOOPBACK
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_moves_inside_is_not_followed(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    resolver = _Moving()
    await resolver.resolve("crm.example")
    async with GuardedClient(resolver=resolver) as client:
        inside = Kit(kit.stores, client, kit.keys, PLAIN)
        port = receiver.url.rpartition(":")[2]
        webhook, _ = await inside.webhook(f"http://crm.example:{port}")
        await _messages(kit, connection, 1)
        await inside.tell(webhook)
        (delivery,) = await inside.told(webhook)
    assert receiver.got == []
    assert delivery.tries[0].error == "address_not_allowed"
    assert LOOPBACK not in delivery.model_dump_json(exclude={"body"})


async def test_both_secrets_sign_while_one_is_replaced(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, former = await kit.webhook(receiver.url)
    secret, stored = kit.secrets.new(webhook.id)
    webhook = await kit.webhooks.add_secret(webhook, stored, timedelta(hours=1), utc_now())
    await _messages(kit, connection, 1)
    await kit.tell(webhook)
    for each in (former, secret):
        assert receiver.got[0].verified(each)
    newest, stored = kit.secrets.new(webhook.id)
    await kit.webhooks.add_secret(webhook, stored, timedelta(0), utc_now())
    await _messages(kit, connection, 1)
    await kit.tell(webhook)
    assert receiver.got[1].verified(newest)
    for each in (former, secret):
        with pytest.raises(WebhookVerificationError):
            receiver.got[1].verified(each)


async def test_secrets_move_to_another_key(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, secret = await kit.webhook(receiver.url)
    headers = kit.secrets.seal_headers(webhook.id, {"Authorization": "Bearer x"})
    await kit.webhooks.change(webhook, headers)
    newer = KeyRing([Key.generate(), kit.keys.first])
    assert await rotate_webhook_secrets(kit.database, newer) == 1
    assert await rotate_webhook_secrets(kit.database, newer) == 0
    async with GuardedClient([LOOPBACK]) as client:
        only_new = Kit(kit.stores, client, KeyRing([newer.first]), PLAIN)
        await _messages(kit, connection, 1)
        await only_new.tell(webhook)
    assert receiver.got[0].verified(secret)
    assert receiver.got[0].headers["authorization"] == "Bearer x"


async def test_without_the_key_events_wait(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await _messages(kit, connection, 1)
    async with GuardedClient([LOOPBACK]) as client:
        keyless = Kit(kit.stores, client, KeyRing([Key.generate()]), PLAIN)
        await keyless.tell(webhook)
    assert receiver.got == []
    await kit.make_due(webhook)
    await kit.tell(webhook)
    assert len(receiver.got) == 1


async def test_sealed_texts_are_sealed_in_deliveries_too(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    async with GuardedClient([LOOPBACK]) as client:
        sealing = Kit(kit.stores, client, kit.keys, TextSealer(kit.keys, on=True))
        webhook, secret = await sealing.webhook(receiver.url)
        receiver.usually = status(200, "an echo of it")
        await _messages(kit, connection, 1)
        await sealing.tell(webhook)
    stored = await kit.database["webhookDeliveries"].find_one({"webhook": webhook.id})
    assert TO not in str(stored["body"] if stored else TO)
    assert "echo" not in str(stored["tries"] if stored else "echo")
    assert receiver.got[0].verified(secret)["data"]["to"] == TO


async def test_sealed_events_move_to_another_key(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    sealing = kit.with_texts(TextSealer(kit.keys, on=True))
    webhook, _ = await sealing.webhook(receiver.url)
    await _messages(kit, connection, 2)
    await sealing.relay_all()
    newer = KeyRing([Key.generate(), kit.keys.first])
    assert (await rotate_texts(kit.database, newer, plain_too=False)).moved == 2
    await kit.with_texts(TextSealer(KeyRing([newer.first]), on=True)).tell(webhook)
    assert len(receiver.got) == 2


async def test_an_event_without_its_key_does_not_hold_up_others(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await _messages(kit, connection, 1)
    await kit.with_texts(TextSealer(KeyRing([Key.generate()]), on=True)).relay_all()
    await _messages(kit, connection, 1)
    await kit.tell(webhook)
    waits, delivered = await kit.told(webhook)
    assert (delivered.status, waits.status) == (S.DELIVERED, S.PENDING)
    assert waits.tries[0].error == "text_key_missing"
    assert (await kit.webhooks.find(OWNER, webhook.id)).failures == 0


async def test_what_failed_is_sent_again(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await _messages(kit, connection, 2)
    await kit.tell(webhook)
    await kit.database["webhookDeliveries"].update_one(
        {"event": receiver.got[0].id}, {"$set": {"status": S.FAILED, "tried": 10}}
    )
    assert await kit.deliveries.redrive(webhook, Redrive()) == 1
    await kit.delivering.deliver_all(webhook.id)
    assert receiver.got[2].id == receiver.got[0].id
    assert {each.status for each in await kit.told(webhook)} == {S.DELIVERED}


async def test_everything_since_a_time_is_replayed_under_its_ids(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await _messages(kit, connection, 2)
    await kit.stores.connections.want(connection, "stopped")
    await kit.tell(webhook)
    late = utc_now() + timedelta(hours=1)
    assert await kit.deliveries.redrive(webhook, Redrive(since=late)) == 0
    early = utc_now() - timedelta(hours=1)
    assert await kit.deliveries.redrive(webhook, Redrive(since=early, types=["poll.vote"])) == 0
    assert await kit.deliveries.redrive(webhook, Redrive(since=early)) == 3
    await kit.delivering.deliver_all(webhook.id)
    first, again = receiver.got[:3], receiver.got[3:]
    assert sorted((each.id, each.body) for each in first) == sorted(
        (each.id, each.body) for each in again
    )
    named = [first[0].id]
    assert await kit.deliveries.redrive(webhook, Redrive(events=named)) == 1


async def test_each_chat_is_told_in_order(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, secret = await kit.webhook(receiver.url)
    for _ in range(30):
        await _messages(kit, connection, 1, TO)
        await _messages(kit, connection, 1, OTHER)
    answered: list[dict[str, str]] = []

    async def unevenly(request: web.Request) -> web.StreamResponse:
        got = receiver.got[-1]
        await asyncio.sleep(0.02 * (len(receiver.got) % 3))
        answered.append(got.verified(secret)["data"])
        return await status(200)(request)

    receiver.usually = unevenly
    await kit.tell(webhook)
    for to in (TO, OTHER):
        ids = [each["messageId"] for each in answered if each["to"] == to]
        assert ids == sorted(ids)
        assert len(ids) == 30


async def test_a_webhook_that_is_gone_is_told_nothing(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await _messages(kit, connection, 1)
    await kit.relay_all()
    await kit.webhooks.delete(webhook)
    await kit.deliveries.delete_of([webhook.id])
    await kit.delivering.deliver_all(webhook.id)
    assert receiver.got == []
    assert await kit.database["webhookDeliveries"].count_documents({}) == 0


async def test_an_unreadable_document_does_not_stop_the_others(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    await kit.database["messages"].insert_one(
        {
            "_id": "broken",
            "owner": OWNER,
            "untold": [{"n": 1, "type": "message.status", "at": utc_now()}],
        }
    )
    await _messages(kit, connection, 1)
    await kit.tell(webhook)
    assert len(receiver.got) == 1
    assert await kit.database["messages"].count_documents({"untold": {"$exists": True}}) == 1


async def test_what_wakes_a_webhook_as_it_goes_to_rest_is_not_missed(
    kit: Kit, connection: Connection, receiver: Receiver
) -> None:
    webhook, _ = await kit.webhook(receiver.url)
    found = await kit.webhooks.find(OWNER, webhook.id)
    await _messages(kit, connection, 1)
    await kit.relay_all()
    assert not await kit.webhooks.rest(found, None)
    assert await kit.webhooks.with_work(10, kit.turns("one")) == [webhook.id]
    assert kit.rung == [webhook.id]
    assert json.dumps(receiver.got) == "[]"
