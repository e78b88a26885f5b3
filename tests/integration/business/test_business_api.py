"""The business side over HTTP: repeated requests, lists, tables, and an API without it."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from sessions.common.clock import utc_now
from tests.cases import in_one_test
from tests.integration.conftest import KEY
from tests.integration.services import services_with

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services
    from sessions.storage.mongo import Database
    from tests.builders import Stores

    Client = TestClient[web.Request, web.Application]

CUSTOMER = {"name": "Dana Levi", "phone": "+972541234567", "language": "en"}


async def post(client: Client, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    async with client.post(path, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def get(client: Client, path: str) -> Any:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def made(client: Client, path: str, body: object) -> dict[str, Any]:
    status, found = await post(client, path, body)
    assert status == 201, found
    return dict(found)


def in_days(days: int) -> str:
    moment = (utc_now() + timedelta(days=days)).replace(second=0, microsecond=0)
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
async def booking(client: Client, stores: Stores) -> dict[str, Any]:
    """Give a test what an appointment needs, and its body."""
    await stores.connection("main")
    customer = await made(client, "/api/customers", CUSTOMER)
    return {
        "customer": customer["id"],
        "connectionId": "main",
        "service": "Haircut",
        "startsAt": in_days(3),
    }


async def test_a_repeated_request_makes_nothing_a_second_time(
    client: Client, booking: dict[str, Any], database: Database
) -> None:
    for _ in range(3):
        status, found = await post(client, "/api/appointments", booking, **{"Idempotency-Key": "a"})
        assert status == 201
    assert await database["appointments"].count_documents({}) == 1
    other = booking | {"service": "Shave"}
    status, refused = await post(client, "/api/appointments", other, **{"Idempotency-Key": "a"})
    assert (status, refused["code"]) == (422, "idempotency_key_reused")
    async with client.delete(f"/api/appointments/{found['id']}"):
        pass
    status, gone = await post(client, "/api/appointments", booking, **{"Idempotency-Key": "a"})
    assert (status, gone["code"]) == (422, "idempotency_key_reused")


async def test_a_repeated_move_is_no_error_and_another_one_is(
    client: Client, booking: dict[str, Any]
) -> None:
    appointment = await made(client, "/api/appointments", booking)
    path = f"/api/appointments/{appointment['id']}/confirm"
    for _ in range(2):
        status, found = await post(client, path, **{"Idempotency-Key": "b"})
        assert (status, found["status"]) == (200, "confirmed")
    status, refused = await post(client, path)
    assert (status, refused["code"]) == (409, "not_possible_now")


async def test_the_short_forms_make_a_reminder(client: Client, booking: dict[str, Any]) -> None:
    template = await made(
        client,
        "/api/templates",
        {"name": "Soon", "texts": {"en": "Hi {{customer.firstName}}"}, "expects": "confirm"},
    )
    automation = await made(
        client,
        "/api/automations",
        {
            "name": "A day before",
            "trigger": "before_appointment",
            "offset": "24h",
            "template": template["id"],
            "purpose": "reminder",
            "connectionId": "main",
            "enabled": True,
        },
    )
    appointment = await made(client, "/api/appointments", booking)
    (message,) = appointment["messages"]
    assert message["automation"] == automation["id"]
    assert message["dueAt"] == in_days(2).replace("Z", ".000Z")
    sent = await get(client, f"/api/whatsapp/messages/{message['messageId']}")
    assert (sent["status"], sent["text"]) == ("queued", "Hi Dana")
    shown = await get(client, f"/api/automations/{automation['id']}/preview")
    assert [each["text"] for each in shown["items"]] == ["Hi Dana"]
    moved = f"/api/appointments/{appointment['id']}/reschedule"
    _, later = await post(client, moved, {"startsAt": in_days(5)})
    assert (later["version"], later["endsAt"] > later["startsAt"]) == (2, True)
    assert [each["status"] for each in later["messages"]] == ["cancelled", "queued"]


async def test_appointments_are_listed_in_the_order_of_their_times(
    client: Client, booking: dict[str, Any]
) -> None:
    for days in (9, 2, 5, 7):
        await made(client, "/api/appointments", booking | {"startsAt": in_days(days)})
    first = await get(client, "/api/appointments?limit=3")
    rest = await get(client, f"/api/appointments?limit=3&cursor={first['cursor']}")
    times = [each["startsAt"] for each in first["items"] + rest["items"]]
    assert times == sorted(times)
    assert len(times) == 4
    assert "cursor" not in rest
    within = await get(client, f"/api/appointments?from={in_days(4)}&to={in_days(6)}")
    assert len(within["items"]) == 1


@in_one_test(
    ("path", "start", "end"),
    [
        ("/api/appointments", "from", "to"),
        ("/provider/stats", "from", "to"),
        ("/api/whatsapp/messages", "since", "until"),
        ("/api/logs", "since", "until"),
    ],
)
async def test_a_span_that_ends_before_it_begins_is_refused(
    client: Client, path: str, start: str, end: str
) -> None:
    async with client.get(path, params={start: in_days(2), end: in_days(1)}) as answer:
        told = await answer.json()
    assert (answer.status, told["code"]) == (422, "invalid_fields")
    assert told["errors"] == [{"field": end, "message": f"This is before `{start}`."}]
    await get(client, f"{path}?{start}={in_days(1)}&{end}={in_days(1)}")


async def test_statistics_of_days_to_come_need_an_end(client: Client) -> None:
    async with client.get("/provider/stats", params={"from": in_days(2)}) as answer:
        told = await answer.json()
    assert (answer.status, told["code"]) == (422, "invalid_parameter")
    assert [each["field"] for each in told["errors"]] == ["from"]


async def test_an_end_before_the_beginning_that_is_stored_is_refused(
    client: Client, booking: dict[str, Any]
) -> None:
    evening = {"name": "Evening", "startsAt": in_days(3)}
    for path, body in (("/api/appointments", booking), ("/api/events", evening)):
        record = await made(client, path, body)
        for days in (2, 3, 90):
            async with client.patch(f"{path}/{record['id']}", json={"endsAt": in_days(days)}) as no:
                told = await no.json()
            assert (no.status, told["code"]) == (422, "invalid_parameter")
            assert [each["field"] for each in told["errors"]] == ["endsAt"]
        assert await get(client, f"{path}/{record['id']}") == record


async def test_customers_are_found_by_parts_of_names_and_numbers(client: Client) -> None:
    await made(client, "/api/customers", CUSTOMER | {"tags": ["vip"]})
    other = {"name": "נועה [בר]", "phone": "+972549999999"}
    await made(client, "/api/customers", other)
    for query, count in {
        "search=dana": 1,
        "search=054-123": 1,
        "search=%5Bבר%5D": 1,
        "search=.*": 0,
        "tag=vip": 1,
        "tag=v": 0,
        "": 2,
    }.items():
        found = await get(client, f"/api/customers?{query}")
        assert len(found["items"]) == count, query
    assert await get(client, "/provider/customers") == await get(client, "/api/customers")


async def test_a_number_has_one_customer(client: Client) -> None:
    first = await made(client, "/api/customers", CUSTOMER)
    status, refused = await post(client, "/api/customers", CUSTOMER | {"phone": "00972 54-1234567"})
    assert (status, refused["code"], refused["id"]) == (409, "already_exists", first["id"])


async def test_a_table_is_imported_line_by_line_and_wrong_lines_are_told(client: Client) -> None:
    table = (
        "שם;טלפון;שפה\n"
        "דנה;+972541234567;he\n"
        "רחל;9.72E+11;he\n"
        "אבי;972541234568;he\n"
        "נועה;+972541234569;fr\n"
        "דנה לוי;+972541234567;en\n"
    ).encode("cp1255")
    for path in ("/api/customers", "/api/subscribers"):
        headers = {"Content-Type": "text/csv", "Idempotency-Key": path}
        async with client.post(f"{path}/import", data=table, headers=headers) as answer:
            report = await answer.json()
        assert (report["created"], report["updated"]) == (1, 1), report
        assert [(each["line"], each["code"]) for each in report["refused"]] == [
            (3, "number_rounded"),
            (4, "number_without_country"),
            (5, "language_unknown"),
        ]
        async with client.post(f"{path}/import", data=table, headers=headers) as again:
            assert await again.json() == report
            assert again.headers["Idempotent-Replayed"] == "true"
        async with client.get(f"{path}/export") as exported:
            assert "דנה" in (await exported.read()).decode("utf-8-sig")


async def test_an_appointment_tells_who_comes_and_what_can_be_done(
    client: Client, booking: dict[str, Any]
) -> None:
    appointment = await made(client, "/api/appointments", booking)
    assert (appointment["customerName"], appointment["customerPhone"]) == (
        CUSTOMER["name"],
        CUSTOMER["phone"],
    )
    path = f"/api/appointments/{appointment['id']}"
    for move in ("confirm", "complete"):
        assert move in appointment["allowedMoves"]
        _, appointment = await post(client, f"{path}/{move}")
    assert appointment["allowedMoves"] == []
    async with client.delete(f"/api/customers/{booking['customer']}") as answer:
        assert answer.status == 204
    (listed,) = (await get(client, "/api/appointments"))["items"]
    assert "customerName" not in listed
    assert "customerPhone" not in listed


async def test_a_registration_tells_who_comes(client: Client, booking: dict[str, Any]) -> None:
    event = await made(client, "/api/events", {"name": "Evening", "startsAt": in_days(2)})
    path = f"/api/events/{event['id']}/registrations"
    registered = await made(client, path, {"customer": booking["customer"]})
    assert registered["customerName"] == CUSTOMER["name"]
    assert (await get(client, path))["items"] == [registered]


NOTHING = "\u200b\u2066\u2060"
"""Characters that show nothing."""


@in_one_test(
    ("path", "fields"),
    [
        ("/api/customers", {"name": NOTHING}),
        ("/api/customers", {"name": "Da\u0000na"}),
        ("/api/customers", {"notes": "one\u0000two"}),
        ("/api/customers", {"tags": [NOTHING]}),
        ("/api/customers", {"attributes": {"pet": NOTHING}}),
        ("/api/subscribers", {"name": NOTHING}),
        ("/api/subscribers", {"list": NOTHING}),
        ("/api/templates", {"name": NOTHING}),
        ("/api/templates", {"texts": {"en": "Hi", "he": NOTHING}}),
        ("/api/templates", {"texts": {"en": "  \n"}}),
        ("/api/templates", {"texts": {"en": "Hi\u0000"}}),
        ("/api/events", {"name": NOTHING}),
        ("/api/events", {"location": NOTHING}),
        ("/api/events", {"notes": "\u0007"}),
        ("/api/whatsapp/connections", {"connectionId": "other", "name": NOTHING}),
    ],
)
async def test_what_shows_nothing_or_is_no_text_is_refused_by_its_field(
    client: Client, path: str, fields: dict[str, Any]
) -> None:
    good: dict[str, dict[str, Any]] = {
        "/api/customers": CUSTOMER,
        "/api/subscribers": {"phone": CUSTOMER["phone"]},
        "/api/templates": {"name": "Text", "texts": {"en": "Hi"}},
        "/api/events": {"name": "Evening", "startsAt": in_days(3)},
    }
    status, told = await post(client, path, {**good.get(path, {}), **fields})
    assert (status, told["code"]) == (422, "invalid_fields")
    (named,) = told["errors"]
    assert named["field"].partition(".")[0] in fields
    assert re.search("nothing to see|control character", named["message"])


@in_one_test(
    "birthday", ["yesterday", "", "1990-02-30", "13-01", "0000-01-01", "2999-01-01", "17-05-1990"]
)
async def test_a_birthday_is_a_day_of_the_past(client: Client, birthday: str) -> None:
    status, told = await post(
        client, "/api/customers", CUSTOMER | {"attributes": {"birthday": birthday}}
    )
    assert (status, told["code"]) == (422, "invalid_fields")
    assert [each["field"] for each in told["errors"]] == ["attributes"]


async def test_a_birthday_may_be_told_without_its_year(client: Client) -> None:
    for number, birthday in enumerate(("1990-05-17", "05-17", "02-29", "2000-02-29")):
        wish = {"phone": f"+97254123456{number}", "attributes": {"birthday": birthday}}
        assert (await made(client, "/api/customers", wish))["attributes"]["birthday"] == birthday


async def patched(client: Client, path: str, body: object) -> Any:
    async with client.patch(path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/api/customers", {"timeZone": "Asia/Tokyo", "notes": "Late", "tags": ["vip"]}),
        ("/api/subscribers", {"name": "Dana", "timeZone": "Asia/Tokyo"}),
        ("/api/events", {"capacity": 20, "location": "Upstairs", "notes": "Bring shoes"}),
        ("/api/appointments", {"location": "Upstairs", "notes": "Late", "externalId": "17"}),
        ("/api/campaigns", {"sendAt": "2040-01-31T09:00:00.000Z"}),
        ("/api/automations", {"deliveryHour": "18:00", "offset": "1d", "expects": "confirm"}),
    ],
)
async def test_null_takes_away_what_a_record_can_do_without_and_leaves_the_rest(
    client: Client, booking: dict[str, Any], path: str, fields: dict[str, Any]
) -> None:
    sending = {"name": "One", "template": "ready_welcome", "connectionId": "main"}
    plain = {
        "/api/customers": {"name": "Noa", "phone": "+972549999999"},
        "/api/subscribers": {"phone": "+972549999999"},
        "/api/events": {"name": "Evening", "startsAt": in_days(3)},
        "/api/appointments": booking,
        "/api/campaigns": sending,
        "/api/automations": sending | {"trigger": "customer.birthday", "purpose": "service"},
    }[path]
    record = await made(client, path, plain | fields)
    for name in fields:
        address = f"{path}/{record['id']}"
        left = {key: value for key, value in record.items() if key not in (name, "messages")}
        record = await patched(client, address, {name: None})
        assert not record.get(name)
        assert left.items() <= record.items()
        assert await get(client, address) == record


async def test_two_appointments_may_lose_the_id_that_another_program_gave_them(
    client: Client, booking: dict[str, Any]
) -> None:
    for key in ("17", "18"):
        record = await made(client, "/api/appointments", booking | {"externalId": key})
        await patched(client, f"/api/appointments/{record['id']}", {"externalId": None})


async def test_null_in_a_customers_change(client: Client) -> None:
    known = {"birthday": "1990-05-17", "pet": "Rex"}
    record = await made(client, "/api/customers", CUSTOMER | {"attributes": known})
    path = f"/api/customers/{record['id']}"
    changed = await patched(client, path, {"attributes": {"birthday": None, "car": "red"}})
    assert changed["attributes"] == {"pet": "Rex", "car": "red"}
    assert (await patched(client, path, {"attributes": None}))["attributes"] == {}
    unnamed = await patched(client, path, {"name": None, "language": None, "phone": None})
    assert (unnamed["name"], unnamed["language"], unnamed["phone"]) == (
        "",
        CUSTOMER["language"],
        CUSTOMER["phone"],
    )


async def test_changes_of_different_attributes_at_once_all_count(client: Client) -> None:
    record = await made(client, "/api/customers", CUSTOMER)
    path = f"/api/customers/{record['id']}"
    wanted = {f"a{number}": str(number) for number in range(10)}
    await asyncio.gather(
        *(patched(client, path, {"attributes": {name: text}}) for name, text in wanted.items())
    )
    async with client.get(path) as answer:
        assert (await answer.json())["attributes"] == wanted


async def test_a_customer_has_no_more_attributes_than_one_request_may_give(client: Client) -> None:
    many = {f"a{number}": "x" for number in range(50)}
    record = await made(client, "/api/customers", CUSTOMER | {"attributes": many})
    path = f"/api/customers/{record['id']}"
    async with client.patch(path, json={"attributes": {"other": "x"}}) as answer:
        told = await answer.json()
    assert (answer.status, told["code"]) == (422, "invalid_parameter")
    await patched(client, path, {"attributes": {"other": "x", "a1": None}})


async def test_everybody_who_waits_gets_a_place_without_a_capacity(
    client: Client, booking: dict[str, Any]
) -> None:
    evening = {"name": "Evening", "startsAt": in_days(3), "capacity": 1}
    event = await made(client, "/api/events", evening)
    path = f"/api/events/{event['id']}"
    other = await made(client, "/api/customers", CUSTOMER | {"phone": "+972549999999"})
    for customer in (booking["customer"], other["id"]):
        await made(client, f"{path}/registrations", {"customer": customer})
    await patched(client, path, {"capacity": None})
    assert (await get(client, path))["registered"] == 2


async def test_what_has_to_have_a_time_keeps_it(client: Client, booking: dict[str, Any]) -> None:
    reminder = {
        "name": "Remind",
        "trigger": "before_appointment",
        "offset": "1d",
        "template": "ready_reminder",
        "purpose": "reminder",
        "connectionId": "main",
    }
    automation = await made(client, "/api/automations", reminder)
    path = f"/api/automations/{automation['id']}"
    for offset in (None, "0h"):
        async with client.patch(path, json={"offset": offset}) as answer:
            told = await answer.json()
        assert (answer.status, told["errors"][0]["field"]) == (422, "offset")
        async with client.post("/api/automations", json=reminder | {"offset": offset}) as answer:
            told = await answer.json()
        assert (answer.status, "offset: How long before?" in str(told["errors"])) == (422, True)
    same_day = {"offset": "0d", "deliveryHour": "09:00"}
    await patched(client, path, same_day)
    async with client.patch(path, json={"deliveryHour": None}) as answer:
        assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    spring = {"name": "Spring", "template": "ready_welcome", "connectionId": "main"}
    campaign = await made(client, "/api/campaigns", spring | {"sendAt": in_days(3)})
    path = f"/api/campaigns/{campaign['id']}"
    await post(client, f"{path}/start")
    async with client.patch(path, json={"sendAt": None}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "not_possible_now")


@pytest.mark.parametrize(
    ("moves", "detail"),
    [
        (["confirm", "confirm"], "The appointment is already confirmed."),
        (["no-show", "cancel"], "The appointment is a no-show, so it cannot be cancelled."),
        (
            ["cancel", "no-show"],
            "The appointment is cancelled, so it cannot be marked as a no-show.",
        ),
        (["complete", "reschedule"], "The appointment is completed, so it cannot be moved."),
    ],
)
async def test_a_refused_move_says_so_in_plain_english(
    client: Client, booking: dict[str, Any], moves: list[str], detail: str
) -> None:
    appointment = await made(client, "/api/appointments", booking)
    for move in moves:
        body = {"startsAt": in_days(9)} if move == "reschedule" else None
        status, told = await post(client, f"/api/appointments/{appointment['id']}/{move}", body)
    assert (status, told["detail"]) == (409, detail)


async def test_a_campaign_that_cannot_change_says_so_in_plain_english(
    client: Client, booking: dict[str, Any]
) -> None:
    spring = {
        "name": "Spring",
        "template": "ready_welcome",
        "connectionId": booking["connectionId"],
    }
    path = f"/api/campaigns/{(await made(client, '/api/campaigns', spring))['id']}"
    _, early = await post(client, f"{path}/pause")
    assert early["detail"] == "The campaign is a draft, so it cannot be paused."
    await post(client, f"{path}/start")
    async with client.patch(path, json={"name": "Summer"}) as answer:
        late = await answer.json()
    assert late["detail"] == "The campaign is running, so it cannot be changed."
    _, again = await post(client, f"{path}/start")
    assert again["detail"] == "The campaign is already running."


async def test_what_exists_already_is_told_in_plain_english(
    client: Client, booking: dict[str, Any]
) -> None:
    known = booking | {"externalId": "17"}
    first = await made(client, "/api/appointments", known)
    status, told = await post(client, "/api/appointments", known)
    assert (status, told["detail"]) == (409, f"This appointment exists already: {first['id']}.")


async def test_every_answer_of_a_customer_is_kept(client: Client) -> None:
    customer = await made(client, "/api/customers", CUSTOMER | {"consents": {"marketing": "in"}})
    path = f"/api/customers/{customer['id']}"
    change = {"consents": {"marketing": "out", "reminder": "in"}}
    async with client.patch(path, json=change) as answer:
        assert answer.status == 200
    history = (await get(client, f"{path}/consents"))["items"]
    assert [(each["purpose"], each["state"], each["how"]) for each in history[-1:]] == [
        ("marketing", "in", "api")
    ]
    assert {(each["purpose"], each["state"]) for each in history[:2]} == {
        ("marketing", "out"),
        ("reminder", "in"),
    }
    other = await made(client, "/api/customers", CUSTOMER | {"phone": "+972549999999"})
    assert (await get(client, f"/api/customers/{other['id']}/consents"))["items"] == []


async def test_a_customer_without_a_name_is_reminded(
    client: Client, booking: dict[str, Any]
) -> None:
    customer = await made(client, "/api/customers", {"phone": "+972549999999", "language": "en"})
    assert customer["name"] == ""
    await made(
        client,
        "/api/automations",
        {
            "name": "A day before",
            "trigger": "before_appointment",
            "offset": "1d",
            "template": "ready_reminder",
            "purpose": "reminder",
            "connectionId": "main",
            "enabled": True,
        },
    )
    wanted = booking | {"customer": customer["id"]}
    (message,) = (await made(client, "/api/appointments", wanted))["messages"]
    sent = await get(client, f"/api/whatsapp/messages/{message['messageId']}")
    assert sent["text"].startswith("Hello, this is a reminder: Haircut")


async def test_a_key_for_one_connection_does_not_open_the_business_side(
    client: Client, stores: Stores
) -> None:
    await stores.connection("main")
    wish = {"name": "One", "scopes": ["business"], "connectionIds": ["main"]}
    key = (await made(client, "/api/api-keys", wish))["key"]
    async with client.get("/api/customers", headers={"X-Api-Key": key}) as answer:
        assert answer.status == 403


async def test_erasing_a_recipient_erases_the_customer(client: Client, database: Database) -> None:
    await made(client, "/api/customers", CUSTOMER)
    await made(client, "/api/subscribers", {"phone": CUSTOMER["phone"]})
    async with client.delete(f"/api/recipients/{CUSTOMER['phone']}") as answer:
        assert answer.status == 200
    for name in ("customers", "subscribers", "consents"):
        assert await database[name].count_documents({}) == 0, name


async def test_statistics_count_messages_and_appointments(
    client: Client, booking: dict[str, Any]
) -> None:
    appointment = await made(client, "/api/appointments", booking | {"startsAt": in_days(1)})
    await post(client, f"/api/appointments/{appointment['id']}/confirm")
    stats = await get(client, f"/provider/stats?from={in_days(-1)}&to={in_days(2)}&by=week")
    (without,) = [each for each in stats["appointments"] if not each["reminded"]]
    assert (without["byStatus"], without["confirmedRate"]) == ({"confirmed": 1}, 1.0)
    assert (stats["messages"], stats["replies"]) == ([], 0)


async def test_without_the_business_side_nothing_of_it_is_there(services: Services) -> None:
    app = build_app(services_with(services, business=None), upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        async with client.get("/api/customers") as answer:
            assert answer.status == 404
        async with client.get("/openapi.json") as answer:
            paths = (await answer.json())["paths"]
    assert not [each for each in paths if "customer" in each or "provider" in each]
    assert "/api/whatsapp/send" in paths


@in_one_test("zone", ["localtime", "Factory", "right/Asia/Jerusalem", "posix/UTC"])
async def test_a_time_zone_is_the_same_on_every_machine(client: Client, zone: str) -> None:
    status, told = await post(client, "/api/customers", {**CUSTOMER, "timeZone": zone})
    assert (status, told["code"]) == (422, "invalid_fields")
