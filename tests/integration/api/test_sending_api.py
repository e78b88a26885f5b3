"""Sending over HTTP: once for each key, in time, taken back and driven again."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.messages.model import Draft, MessageStatus
from sessions.messages.positions import COUNTED_AT_MOST
from tests.builders import TO, Stores

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    Client = TestClient[web.Request, web.Application]

SEND = "/api/whatsapp/send"
BODY = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}


@pytest.fixture(autouse=True)
async def connection(client: Client) -> None:
    made = await client.post("/api/whatsapp/connections", json={"connectionId": "main"})
    assert made.status == 201


async def _count(stores: Stores) -> int:
    return await stores.database["messages"].count_documents({})


async def test_a_key_that_comes_again_gets_the_same_answer(client: Client, stores: Stores) -> None:
    first = await client.post(SEND, json=BODY, headers={"Idempotency-Key": "order 17"})
    again = await client.post(SEND, json=BODY, headers={"Idempotency-Key": "order 17"})
    assert (first.status, again.status) == (202, 202)
    assert (await first.json())["messageId"] == (await again.json())["messageId"]
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await _count(stores) == 1


async def test_a_key_with_another_body_is_refused(client: Client, stores: Stores) -> None:
    await client.post(SEND, json=BODY, headers={"Idempotency-Key": "k"})
    other = await client.post(
        SEND, json=BODY | {"message": "other"}, headers={"Idempotency-Key": "k"}
    )
    assert other.status == 422
    assert (await other.json())["code"] == "idempotency_key_reused"
    assert await _count(stores) == 1


async def test_a_key_that_comes_again_tells_what_became_of_the_message(client: Client) -> None:
    headers = {"Idempotency-Key": "k"}
    await client.post(SEND, json=BODY)
    first = await (await client.post(SEND, json=BODY, headers=headers)).json()
    await client.post(SEND, json=BODY)
    assert await (await client.post(SEND, json=BODY, headers=headers)).json() == first
    await client.delete(f"/api/whatsapp/messages/{first['messageId']}")
    again = await client.post(SEND, json=BODY, headers=headers)
    cancelled = {"messageId": first["messageId"], "status": "cancelled"}
    assert (again.status, await again.json()) == (202, cancelled)
    bulk = {"connectionId": "main", "messages": [{"to": "+972501234567", "message": "x"}] * 2}
    headers = {"Idempotency-Key": "bulk"}
    first = await (await client.post(f"{SEND}/bulk", json=bulk, headers=headers)).json()
    await client.delete(f"/api/whatsapp/messages/{first['items'][1]['messageId']}")
    again = await client.post(f"{SEND}/bulk", json=bulk, headers=headers)
    assert [each["status"] for each in (await again.json())["items"]] == ["queued", "cancelled"]


async def test_a_key_does_not_outlive_its_connection(client: Client, stores: Stores) -> None:
    headers = {"Idempotency-Key": "k"}
    await client.post(SEND, json=BODY, headers=headers)
    await client.delete("/api/whatsapp/connections/main")
    await client.post("/api/whatsapp/connections", json={"connectionId": "main"})
    again = await client.post(SEND, json=BODY, headers=headers)
    assert (again.status, (await again.json())["code"]) == (422, "idempotency_key_reused")
    assert (await client.post(SEND, json=BODY, headers={"Idempotency-Key": "new"})).status == 202


async def test_a_key_of_an_earlier_version_still_counts(client: Client, stores: Stores) -> None:
    headers = {"Idempotency-Key": "k"}
    await client.post(SEND, json=BODY, headers=headers)
    # Earlier versions did not note the connection.
    await stores.database["idempotencyKeys"].update_many({}, {"$unset": {"connection": ""}})
    again = await client.post(SEND, json=BODY, headers=headers)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert await _count(stores) == 1


async def test_a_hundred_requests_at_once_with_one_key_make_one_message(
    client: Client, stores: Stores
) -> None:
    headers = {"Idempotency-Key": "at once"}
    answers = await asyncio.gather(
        *[client.post(SEND, json=BODY, headers=headers) for _ in range(100)]
    )
    assert {each.status for each in answers} == {202}
    assert len({(await each.json())["messageId"] for each in answers}) == 1
    assert await _count(stores) == 1


async def test_messages_that_come_together_get_places_of_their_own(
    client: Client, stores: Stores
) -> None:
    """One connection that is not there spoils nothing for the others."""
    first, second = [await stores.connection(name) for name in ("first", "second")]

    async def post(connection: str, number: int) -> int:
        wish = {"connectionId": connection, "to": "+972501234567", "message": str(number)}
        return (await client.post("/api/whatsapp/send", json=wish)).status

    names = ("first", "second", "nowhere")
    statuses = await asyncio.gather(*(post(each, number) for number in range(15) for each in names))
    assert statuses == [202, 202, 404] * 15
    for connection in (first, second):
        found = await stores.database["messages"].find({"connection": connection.id}).to_list(None)
        assert sorted(each["text"] for each in found) == sorted(map(str, range(15)))
        assert len({each["seq"] for each in found}) == 15


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_that_cannot_be_kept_is_refused(client: Client, key: str) -> None:
    answer = await client.post(SEND, json=BODY, headers={"Idempotency-Key": key})
    assert answer.status == 422


async def test_a_bulk_is_stored_in_its_order_and_once(client: Client, stores: Stores) -> None:
    messages = [{"to": "+972501234567", "message": f"text {n}"} for n in range(1000)]
    body = {"connectionId": "main", "messages": messages}
    headers = {"Idempotency-Key": "bulk"}
    for replayed in (False, True):
        answer = await client.post(f"{SEND}/bulk", json=body, headers=headers)
        assert answer.status == 202
        assert ("Idempotent-Replayed" in answer.headers) is replayed
        assert len((await answer.json())["items"]) == 1000
    stored = stores.database["messages"].find({}, sort=[("seq", 1)])
    assert [each["text"] async for each in stored] == [each["message"] for each in messages]


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_bulk_has_a_size(client: Client, count: int) -> None:
    messages = [{"to": "+972501234567", "message": "x"}] * count
    answer = await client.post(f"{SEND}/bulk", json={"connectionId": "main", "messages": messages})
    assert answer.status == 422


async def test_one_wrong_message_refuses_the_whole_bulk(client: Client, stores: Stores) -> None:
    messages = [{"to": "+972501234567", "message": "x"}, {"to": "12", "message": "y"}]
    answer = await client.post(f"{SEND}/bulk", json={"connectionId": "main", "messages": messages})
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "messages.1.to"
    assert await _count(stores) == 0


async def test_a_dry_run_tells_when_a_bulk_would_go_and_stores_nothing(
    client: Client, stores: Stores
) -> None:
    pacing = {"perMinute": 10, "perHour": 100, "perDay": 1000, "jitterSeconds": [2, 4]}
    await client.patch("/api/whatsapp/connections/main", json={"pacing": pacing})
    messages = [{"to": "+972501234567", "message": "x"}] * 120
    answer = await client.post(
        f"{SEND}/bulk?dryRun=true", json={"connectionId": "main", "messages": messages}
    )
    assert answer.status == 200
    planned = [datetime.fromisoformat(each) for each in (await answer.json())["estimatedAt"]]
    assert planned == sorted(planned)
    assert (planned[9] - planned[0]) == timedelta(seconds=27)
    assert (planned[10] - planned[0]) == timedelta(minutes=1)
    assert (planned[100] - planned[0]) == timedelta(hours=1)
    assert await _count(stores) == 0


async def test_a_dry_run_makes_no_times_up_behind_a_long_queue(
    client: Client, stores: Stores
) -> None:
    connection = await stores.connections.find("admin", "main")
    body = {"connectionId": "main", "messages": [{"to": "+972501234567", "message": "x"}] * 2}
    for more, times in ((COUNTED_AT_MOST - 1, 2), (1, None)):
        drafts = [Draft(new_id(), TO, "x") for _ in range(more)]
        await stores.add(connection, drafts)
        told = await (await client.post(f"{SEND}/bulk?dryRun=true", json=body)).json()
        assert told["count"] == 2
        assert len(told["estimatedAt"]) == times if times else told.keys() == {"count"}


async def _accepted(client: Client, **fields: Any) -> dict[str, Any]:
    answer = await client.post(SEND, json=BODY | fields)
    assert answer.status == 202
    accepted: dict[str, Any] = await answer.json()
    return accepted


async def test_a_scheduled_message_says_when(client: Client) -> None:
    at = (utc_now() + timedelta(hours=1)).isoformat()
    accepted = await _accepted(client, sendAt=at)
    assert accepted["waiting"]["reason"] == "scheduled"
    assert accepted["waiting"]["until"].startswith(at[:19])


async def test_an_urgent_message_goes_before_the_others(client: Client) -> None:
    for _ in range(3):
        await _accepted(client, priority="low")
    urgent = await _accepted(client, priority="high")
    last = await _accepted(client)
    for accepted, position in ((urgent, 0), (last, 1)):
        async with client.get(f"/api/whatsapp/messages/{accepted['messageId']}") as shown:
            assert (await shown.json())["waiting"]["position"] == position


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"priority": "urgent"}, "priority"),
        ({"sendAt": "tomorrow"}, "sendAt"),
        ({"sendAt": "2030-01-01T10:00:00"}, "sendAt"),
        ({"sendAt": "1893456000"}, "sendAt"),
        ({"sendAt": "0001-01-01T00:00:00+14:00"}, "sendAt"),
        ({"sendAt": "2030-01-02T10:00:00Z", "expiresAt": "2030-01-01T10:00:00Z"}, "(body)"),
    ],
)
async def test_wrong_wishes_are_named(client: Client, fields: dict[str, str], field: str) -> None:
    answer = await client.post(SEND, json=BODY | fields)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n", "\0", "\x1b\x7f\x85", "\u200b\u200e", "\ufeff \u2060"),
        *("\u115f\u1160", "\u180e", "\u2800", "\u3164", "\ufe00\ufe0f", "\uffa0"),
    ],
)
async def test_a_message_with_nothing_to_see_is_refused(
    client: Client, stores: Stores, text: str
) -> None:
    answer = await client.post(SEND, json=BODY | {"message": text})
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "message"
    assert await _count(stores) == 0


@pytest.mark.parametrize("text", [".", "\u200fשלום", "👩\u200d💻"])
async def test_a_message_with_something_in_it_is_accepted(client: Client, text: str) -> None:
    await _accepted(client, message=text)


async def test_a_queued_message_is_taken_back_and_driven_again(
    client: Client, stores: Stores
) -> None:
    path = f"/api/whatsapp/messages/{(await _accepted(client))['messageId']}"
    assert (await (await client.delete(path)).json())["status"] == "cancelled"
    assert (await _stored(stores))["endedAt"] is not None
    again = await client.delete(path)
    assert again.status == 409
    assert (await again.json())["messageStatus"] == "cancelled"
    retried = await client.post(f"{path}/retry")
    assert (retried.status, (await retried.json())["status"]) == (202, "queued")
    # It is forgotten some time after its end, so it must have none while it waits.
    assert (await _stored(stores))["endedAt"] is None
    lease = await stores.leases().acquire()
    assert lease is not None
    assert await stores.queue.claim_next(lease)
    assert (await client.delete(path)).status == 409


async def _stored(stores: Stores) -> dict[str, Any]:
    """Return the one stored message as it is in MongoDB."""
    document = await stores.database["messages"].find_one({})
    assert document is not None
    return document


async def test_an_unknown_message_is_repeated_only_when_confirmed(
    client: Client, stores: Stores
) -> None:
    path = f"/api/whatsapp/messages/{(await _accepted(client))['messageId']}"
    lease = await stores.leases().acquire()
    assert lease is not None
    message = await stores.queue.claim_next(lease)
    assert message is not None
    await stores.queue.write_down(lease, message, "true_x@c.us_ID1", message.to, new_chat=False)
    await stores.queue.settle(lease, message, MessageStatus.UNKNOWN, "why")
    assert (await client.post(f"{path}/retry")).status == 409
    confirmed = await client.post(f"{path}/retry", json={"confirm": True})
    assert confirmed.status == 202
    # It keeps its id: WhatsApp itself refuses to send that one twice.
    assert (await confirmed.json())["whatsappId"] == "true_x@c.us_ID1"


async def test_failed_messages_are_driven_again_by_their_reason(
    client: Client, stores: Stores
) -> None:
    ids = [(await _accepted(client))["messageId"] for _ in range(3)]
    lease = await stores.leases().acquire()
    assert lease is not None
    for reason in ("one", "two", "one"):
        message = await stores.queue.claim_next(lease)
        assert message is not None
        await stores.queue.settle(lease, message, MessageStatus.FAILED, reason)
    path = "/api/whatsapp/messages/retry"
    some = await client.post(path, json={"connectionId": "main", "reason": "one"})
    assert some.status == 202
    assert [each["messageId"] for each in (await some.json())["items"]] == [ids[0], ids[2]]
    rest = await client.post(path, json={"connectionId": "main"})
    assert [each["messageId"] for each in (await rest.json())["items"]] == [ids[1]]


async def test_failed_messages_that_two_people_drive_again_go_once_in_their_order(
    client: Client, stores: Stores
) -> None:
    ids = [(await _accepted(client))["messageId"] for _ in range(30)]
    lease = await stores.leases().acquire()
    assert lease is not None
    for _ in ids:
        message = await stores.queue.claim_next(lease)
        assert message is not None
        await stores.queue.settle(lease, message, MessageStatus.FAILED, "why")
    last = await _accepted(client)
    stores.events.take()
    wish = {"connectionId": "main"}
    answers = await asyncio.gather(
        *(client.post("/api/whatsapp/messages/retry", json=wish) for _ in range(4))
    )
    assert [each.status for each in answers] == [202] * 4
    items = [each for answer in answers for each in (await answer.json())["items"]]
    assert sorted(each["messageId"] for each in items) == sorted(ids)
    assert {each["status"] for each in items} == {"queued"}
    told = [json.loads(each.data) for each in stores.events.take()]
    assert sorted(each["messageId"] for each in told) == sorted(ids)
    assert {each["status"] for each in told} == {"queued"}
    queued = [await stores.queue.claim_next(lease) for _ in range(31)]
    order = [each.id for each in queued if each is not None]
    assert (order[0], sorted(order[1:])) == (last["messageId"], sorted(ids))


async def test_failed_messages_keep_their_order_when_they_are_driven_again(
    client: Client, stores: Stores
) -> None:
    ids = [(await _accepted(client))["messageId"] for _ in range(5)]
    lease = await stores.leases().acquire()
    assert lease is not None
    for _ in range(2):
        for each in ids:
            message = await stores.queue.claim_next(lease)
            assert message is not None
            assert message.id == each
            await stores.queue.settle(lease, message, MessageStatus.FAILED, "why")
        await client.post("/api/whatsapp/messages/retry", json={"connectionId": "main"})


async def test_messages_are_listed_page_by_page(client: Client) -> None:
    ids = [(await _accepted(client))["messageId"] for _ in range(5)]
    await client.delete(f"/api/whatsapp/messages/{ids[0]}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = f"?connectionId=main&limit=2{f'&cursor={cursor}' if cursor else ''}"
        page = await (await client.get(f"/api/whatsapp/messages{query}")).json()
        seen += [each["messageId"] for each in page["items"]]
        cursor = page.get("cursor")
        if cursor is None:
            break
    assert seen == ids[::-1]
    cancelled = await client.get("/api/whatsapp/messages?status=cancelled")
    assert [each["messageId"] for each in (await cancelled.json())["items"]] == [ids[0]]
    for query in ("status=lost", "limit=0", "limit=x", "limit=201"):
        assert (await client.get(f"/api/whatsapp/messages?{query}")).status == 422


async def test_the_pace_is_changed_in_part(client: Client) -> None:
    path = "/api/whatsapp/connections/main"
    zone = {"start": "22:00", "end": "07:00", "timeZone": "Asia/Jerusalem"}
    changed = await client.patch(path, json={"pacing": {"perMinute": 3, "quietHours": zone}})
    assert changed.status == 200
    pacing = (await changed.json())["pacing"]
    assert (pacing["perMinute"], pacing["enabled"], pacing["quietHours"]) == (3, True, zone)
    again = await (await client.patch(path, json={"name": "New name"})).json()
    assert (again["name"], again["pacing"]) == ("New name", pacing)


async def test_paces_that_are_changed_at_once_are_all_changed(
    client: Client, stores: Stores
) -> None:
    path = "/api/whatsapp/connections/main"
    fields = {"perMinute": 3, "perHour": 30, "perDay": 300, "newChatsPerDay": 5, "typing": False}
    for _ in range(3):
        # As a record has none that was made before there was a pace.
        await stores.database["connections"].update_one({}, {"$unset": {"pacing": ""}})
        changes = [{"pacing": {name: value}} for name, value in fields.items()]
        await asyncio.gather(*(client.patch(path, json=each) for each in changes))
        pacing = (await (await client.get(path)).json())["pacing"]
        assert {name: pacing[name] for name in fields} == fields


@pytest.mark.parametrize("pacing", [{"enabled": False}, {"newChatsPerDay": 60}])
async def test_another_pace_frees_what_the_allowance_for_new_chats_has_put_off(
    client: Client, stores: Stores, pacing: dict[str, Any]
) -> None:
    first, later = await _accepted(client), await _accepted(client)
    lease = await stores.leases().acquire()
    assert lease is not None
    until = utc_now() + timedelta(hours=20)
    for accepted, reason in ((first, "new_chats_limited"), (later, "no_answer")):
        message = await stores.outbox.find(None, accepted["messageId"])
        await stores.queue.postpone(lease, message, until, reason)
    path = "/api/whatsapp/connections/main"
    for change, freed in (({"perMinute": 3}, None), (pacing, first["messageId"])):
        assert (await client.patch(path, json={"pacing": change})).status == 200
        due = await stores.queue.first_due(lease)
        assert (due and due.id) == freed
    assert due is not None
    assert due.reason is None


@pytest.mark.parametrize(
    "pacing",
    [
        {"perMinute": 0},
        {"perSecond": 1},
        {"jitterSeconds": [5, 1]},
        {"quietHours": {"start": "25:00", "end": "07:00", "timeZone": "Asia/Jerusalem"}},
        {"quietHours": {"start": "22:00", "end": "07:00", "timeZone": "Mars/Base"}},
        {"quietHours": {"start": "22:0\u0663", "end": "07:00", "timeZone": "Asia/Jerusalem"}},
        {"jitterSeconds": [0, 1e400]},
        {"perMinute": "20"},
        {"perMinute": True},
    ],
)
async def test_a_wrong_pace_is_refused(client: Client, pacing: dict[str, Any]) -> None:
    for method, path in (("PATCH", "connections/main"), ("POST", "connections")):
        body = {"pacing": pacing} | ({"connectionId": "other"} if method == "POST" else {})
        answer = await client.request(method, f"/api/whatsapp/{path}", json=body)
        assert answer.status == 422
