"""Sending over HTTP: once for each key, in time, taken back and driven again."""

from __future__ import annotations

import asyncio
import json
from codecs import BOM_UTF8
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from yarl import URL

from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.connections.states import ConnectionState
from sessions.messages.model import Draft, MessageStatus
from sessions.messages.positions import COUNTED_AT_MOST
from tests.builders import TO, Stores
from tests.cases import in_one_test
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from control_api.services import Services

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


async def test_a_key_lives_until_two_days_after_its_messages_have_ended(
    client: Client, services: Services, stores: Stores
) -> None:
    headers, now = {"Idempotency-Key": "later"}, utc_now()
    in_ten_days = BODY | {"sendAt": (now + timedelta(days=10)).isoformat()}
    first = await (await client.post(SEND, json=in_ten_days, headers=headers)).json()
    for days in (3, 9):
        await services.idempotency.forget_old(now + timedelta(days=days))
    again = await client.post(SEND, json=in_ten_days, headers=headers)
    assert (await again.json())["messageId"] == first["messageId"]
    await client.delete(f"/api/whatsapp/messages/{first['messageId']}")
    ended = utc_now()
    await stores.database["idempotencyKeys"].update_one({}, {"$set": {"lookAt": ended}})
    for hours, known in ((47, 1), (49, 0)):
        await services.idempotency.forget_old(ended + timedelta(hours=hours))
        assert await stores.database["idempotencyKeys"].count_documents({}) == known


async def test_a_key_that_an_earlier_version_let_expire_lives_on(
    services: Services, stores: Stores, client: Client
) -> None:
    keys = stores.database["idempotencyKeys"]
    await client.post(SEND, json=BODY, headers={"Idempotency-Key": "old"})
    await keys.update_one({}, {"$unset": {"lookAt": True}})
    await keys.create_index("createdAt", expireAfterSeconds=1)
    await services.idempotency.prepare()
    await services.idempotency.prepare()
    assert not any(
        "expireAfterSeconds" in each for each in (await keys.index_information()).values()
    )
    await services.idempotency.forget_old(utc_now() + timedelta(days=30))
    assert await keys.count_documents({}) == 1


async def test_a_key_whose_messages_are_gone_is_forgotten(
    client: Client, services: Services, stores: Stores
) -> None:
    await client.post(SEND, json=BODY, headers={"Idempotency-Key": "k"})
    await stores.database["messages"].delete_many({})
    await services.idempotency.forget_old(utc_now() + timedelta(hours=49))
    assert await stores.database["idempotencyKeys"].count_documents({}) == 0


async def test_messages_are_found_by_their_reference_and_by_their_key(
    client: Client,
) -> None:
    bulk = {
        "connectionId": "main",
        "reference": "campaign",
        "messages": [
            {"to": "+972501234567", "message": "1"},
            {"to": "+972501234567", "message": "2", "reference": "order-17"},
        ],
    }
    sent = await client.post(f"{SEND}/bulk", json=bulk, headers={"Idempotency-Key": "a b"})
    first, second = [each["messageId"] for each in (await sent.json())["items"]]
    await _accepted(client)

    async def found(**query: str) -> list[tuple[str, str | None]]:
        answer = await client.get("/api/whatsapp/messages", params=query)
        return [
            (each["messageId"], each.get("reference")) for each in (await answer.json())["items"]
        ]

    assert await found(reference="campaign") == [(first, "campaign")]
    assert await found(reference="order-17", status="queued") == [(second, "order-17")]
    assert await found(idempotencyKey="a b") == [(second, "order-17"), (first, "campaign")]
    assert await found(idempotencyKey="a b", reference="campaign") == [(first, "campaign")]
    assert await found(idempotencyKey="unknown") == []
    assert len(await found()) == 3


async def test_what_a_bulk_says_for_all_holds_for_those_that_say_nothing(
    client: Client, stores: Stores
) -> None:
    messages = [{"to": "+972501234567", "message": "x"} for _ in range(3)]
    messages[1]["priority"] = "high"
    bulk = {"connectionId": "main", "priority": "low", "messages": messages}
    bulk["messages"][2]["priority"] = None  # type: ignore[index]
    answer = await client.post(f"{SEND}/bulk", json=bulk)
    assert answer.status == 202, await answer.text()
    shown = (await (await client.get("/api/whatsapp/messages")).json())["items"]
    assert [each["priority"] for each in shown] == ["low", "high", "low"]


async def test_a_partial_bulk_takes_the_good_messages_and_names_the_others(
    client: Client, stores: Stores
) -> None:
    good = {"to": "+972501234567", "message": "x"}
    messages = [good, good | {"to": "12"}, good, good | {"message": "", "colour": "red"}]
    body = {"connectionId": "main", "messages": messages}
    headers = {"Idempotency-Key": "k"}
    for status in (202, 202):
        answer = await client.post(f"{SEND}/bulk?partial=true", json=body, headers=headers)
        told = await answer.json()
        assert answer.status == status
        assert len(told["items"]) == 2
        assert [each["index"] for each in told["refused"]] == [1, 3]
        fields = [[each["field"] for each in refused["errors"]] for refused in told["refused"]]
        assert fields == [["to"], ["message", "colour"]]
    assert await _count(stores) == 2
    whole = await client.post(f"{SEND}/bulk", json=body)
    named = [each["field"] for each in (await whole.json())["errors"]]
    assert named == ["messages.1.to", "messages.3.message", "messages.3.colour"]
    none = {"connectionId": "main", "messages": messages[1:2]}
    refused = await client.post(f"{SEND}/bulk?partial=true", json=none)
    problem = await refused.json()
    assert (refused.status, problem["code"]) == (422, "invalid_fields")
    assert [each["field"] for each in problem["errors"]] == ["messages.0.to"]


@pytest.mark.parametrize(
    "text", [pytest.param("\u05d0" * 4096, marks=pytest.mark.slow), "\U0001f600" * 4096]
)
async def test_a_thousand_long_messages_fit_into_a_bulk_however_they_are_written(
    client: Client, stores: Stores, text: str
) -> None:
    messages = [{"to": "+972501234567", "message": text}] * 1000
    body = json.dumps({"connectionId": "main", "messages": messages})
    assert len(body) > 24_000_000
    json_type = {"Content-Type": "application/json"}
    answer = await client.post(f"{SEND}/bulk", data=BytesIO(body.encode()), headers=json_type)
    assert answer.status == 202
    assert await _count(stores) == 1000
    single = await client.post(SEND, data=BytesIO(body.encode() * 2), headers=json_type)
    assert single.status == 413


async def test_a_large_body_with_far_too_many_fields_is_not_read(client: Client) -> None:
    fields = ",".join(['"a\\"":1'] * 200_000)
    body = f'{{"connectionId":"main","messages":[{{{fields}}}]}}'
    answer = await client.post(
        f"{SEND}/bulk", data=BytesIO(body.encode()), headers={"Content-Type": "application/json"}
    )
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (422, "invalid_parameter")
    assert "50000 fields" in problem["detail"]


@pytest.mark.parametrize("bulk", [False, True])
async def test_what_has_expired_already_is_refused_and_a_repeated_request_is_not(
    client: Client, stores: Stores, bulk: bool
) -> None:
    def asked(expires_at: datetime) -> dict[str, Any]:
        message = {"to": "+972501234567", "message": "x", "expiresAt": expires_at.isoformat()}
        rest = {"messages": [message]} if bulk else message
        return {"connectionId": "main", **rest}

    path = f"{SEND}/bulk" if bulk else SEND
    late = await client.post(path, json=asked(datetime(2020, 1, 1, tzinfo=UTC)))
    problem = await late.json()
    assert (late.status, problem["code"]) == (422, "expired_already")
    assert [each["field"] for each in problem["errors"]] == [
        "messages.0.expiresAt" if bulk else "expiresAt"
    ]
    assert await _count(stores) == 0
    soon, headers = utc_now() + timedelta(seconds=1), {"Idempotency-Key": "k"}
    first = await client.post(path, json=asked(soon), headers=headers)
    await until(lambda: utc_now() > soon)
    again = await client.post(path, json=asked(soon), headers=headers)
    assert (first.status, again.status) == (202, 202)
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_byte_order_mark_and_null_for_what_is_optional_are_taken(client: Client) -> None:
    nothing = dict.fromkeys(("priority", "sendAt", "expiresAt", "reference", "location", "replyTo"))
    body = BOM_UTF8 + json.dumps(BODY | nothing).encode()
    answer = await client.post(SEND, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 202, await answer.text()
    message = await client.get(answer.headers["Location"])
    assert (await message.json())["priority"] == "normal"


@pytest.mark.parametrize("encoding", ["cp1255", "utf-16"])
async def test_a_body_in_another_encoding_is_told_so(client: Client, encoding: str) -> None:
    body = json.dumps(BODY | {"message": "שלום"}, ensure_ascii=False).encode(encoding)
    answer = await client.post(SEND, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, (await answer.json())["code"]) == (400, "malformed_json")
    assert "UTF-8" in (await answer.json())["detail"]


@pytest.mark.parametrize(
    "content",
    [
        {"contact": {"name": "Dana\nTEL:+1", "phone": "+972501234567"}},
        {"media": {"base64": "UE5H", "filename": "a\r\nb.txt"}},
        {"location": {"latitude": 1, "longitude": 1, "name": "a\tb"}},
    ],
)
async def test_a_name_stands_on_one_line(client: Client, content: dict[str, Any]) -> None:
    body = {name: BODY[name] for name in ("connectionId", "to")} | content
    answer = await client.post(SEND, json=body)
    assert answer.status == 422
    assert "control character" in (await answer.json())["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/api-keys", {"name": "A", "scopes": ["send"], "allOwners": None}),
        (SEND, {"poll": {"question": "When?", "options": ["A", "B"], "multiple": None}}),
        ("/api/subscribers", {"phone": "+972501234567", "list": None, "doubleOptIn": None}),
        (
            "/api/campaigns",
            {"name": "A", "template": "ready_welcome", "connectionId": "main", "list": None},
        ),
        (
            "/api/automations",
            {"name": "A", "trigger": "subscriber.confirmed", "template": "ready_welcome"}
            | {"purpose": "service", "connectionId": "main", "enabled": None},
        ),
        (
            "/api/whatsapp/connections",
            {"connectionId": "other", "pacing": {"jitterSeconds": None, "typing": None}},
        ),
    ],
)
async def test_null_is_the_same_as_leaving_a_field_with_a_default_out(
    client: Client, path: str, body: dict[str, object]
) -> None:
    whole = body | {"connectionId": "main", "to": BODY["to"]} if path == SEND else body
    answer = await client.post(path, json=whole)
    assert answer.status in (201, 202), await answer.text()


async def test_null_changes_nothing_of_a_pace_but_ends_the_quiet_hours(client: Client) -> None:
    path = "/api/whatsapp/connections/main"
    quiet = {"start": "22:00", "end": "07:00", "timeZone": "Asia/Jerusalem"}
    pace = {"perMinute": 7, "jitterSeconds": [2, 3], "quietHours": quiet}
    await client.patch(path, json={"pacing": pace})
    nothing = {"perMinute": None, "jitterSeconds": None, "enabled": None, "quietHours": None}
    changed = await (await client.patch(path, json={"pacing": nothing})).json()
    assert changed["pacing"]["perMinute"] == 7
    assert changed["pacing"]["jitterSeconds"] == [2, 3]
    assert changed["pacing"]["enabled"] is True
    assert "quietHours" not in changed["pacing"]


async def test_a_time_in_a_query_may_have_its_plus(client: Client) -> None:
    await _accepted(client)
    for since, found in (("2020-01-01T00:00:00+02:00", 1), ("2190-01-01%2000:00:00+02:00", 0)):
        listed = await client.get(URL(f"/api/whatsapp/messages?since={since}", encoded=True))
        assert len((await listed.json())["items"]) == found


async def test_a_cancelled_message_that_is_retried_is_as_new(client: Client) -> None:
    later = (utc_now() + timedelta(days=1)).isoformat()
    path = f"/api/whatsapp/messages/{(await _accepted(client, sendAt=later))['messageId']}"
    assert (await (await client.get(path)).json())["sendAt"]
    assert (await (await client.delete(path)).json())["cancelledAt"]
    again = await (await client.post(f"{path}/retry", json={})).json()
    assert again["status"] == "queued"
    assert not {"cancelledAt", "sendAt", "expiresAt", "failedAt"} & again.keys()
    assert "sendAt" not in await (await client.get(path)).json()


async def test_a_scheduled_message_does_not_count_for_the_place_of_another(
    client: Client, stores: Stores
) -> None:
    later = (utc_now() + timedelta(days=1)).isoformat()
    await _accepted(client, sendAt=later)
    path = f"/api/whatsapp/messages/{(await _accepted(client))['messageId']}"
    put_back = {"$set": {"reason": "page_error", "attempts": 1}}
    await stores.database["messages"].update_one({"_id": path.rpartition("/")[2]}, put_back)
    await stores.database["connections"].update_one({}, {"$set": {"state": "connected"}})
    waiting = (await (await client.get(path)).json())["waiting"]
    assert waiting["position"] == 0
    assert waiting["reason"] != "behind_others"


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


@in_one_test("key", ["", "x" * 256])
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


async def test_a_message_that_is_due_in_quiet_hours_goes_when_they_end(client: Client) -> None:
    quiet = {"start": "21:00", "end": "08:00", "timeZone": "Asia/Jerusalem"}
    await client.patch(
        "/api/whatsapp/connections/main", json={"pacing": {"enabled": True, "quietHours": quiet}}
    )
    # 23:30 in Jerusalem's winter; 08:00 there is 06:00Z.
    late, morning = "2040-01-31T21:30:00Z", "2040-02-01T06:00:00Z"
    waiting = (await _accepted(client, sendAt=late))["waiting"]
    times = [datetime.fromisoformat(waiting[each]) for each in ("until", "estimatedAt")]
    assert waiting["reason"] == "scheduled"
    assert times == [datetime.fromisoformat(morning)] * 2
    message = {"to": "+972501234567", "message": "Hello", "sendAt": late}
    body = {"connectionId": "main", "messages": [message]}
    told = await (await client.post(f"{SEND}/bulk?dryRun=true", json=body)).json()
    assert [datetime.fromisoformat(each) for each in told["estimatedAt"]] == times[:1]


async def test_a_message_that_the_pace_holds_into_quiet_hours_waits_for_their_end(
    client: Client, stores: Stores
) -> None:
    quiet = {"start": "21:00", "end": "08:00", "timeZone": "Asia/Jerusalem"}
    await client.patch(
        "/api/whatsapp/connections/main", json={"pacing": {"enabled": True, "quietHours": quiet}}
    )
    lease = await stores.leases().acquire()
    assert lease is not None
    starting, connected = ConnectionState.STARTING, ConnectionState.CONNECTED
    await stores.connections.move(lease, starting, connected, None, "+972501234567")
    late = datetime(2040, 1, 31, 21, 30, tzinfo=UTC)
    await stores.connections.hold(lease, late, "rate_limited_per_day")
    waiting = (await _accepted(client))["waiting"]
    assert waiting["reason"] == "rate_limited_per_day"
    times = [datetime.fromisoformat(waiting[each]) for each in ("until", "estimatedAt")]
    assert times == [datetime(2040, 2, 1, 6, tzinfo=UTC)] * 2


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


@in_one_test(
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


@in_one_test(
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
