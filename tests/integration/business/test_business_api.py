"""The business side over HTTP: repeated requests, lists, tables, and an API without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from sessions.common.clock import utc_now
from tests.integration.conftest import KEY

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
    app = build_app(replace(services, business=None))
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        async with client.get("/api/customers") as answer:
            assert answer.status == 404
        async with client.get("/openapi.json") as answer:
            paths = (await answer.json())["paths"]
    assert not [each for each in paths if "customer" in each or "provider" in each]
    assert "/api/whatsapp/send" in paths


@pytest.mark.parametrize("zone", ["localtime", "Factory", "right/Asia/Jerusalem", "posix/UTC"])
async def test_a_time_zone_is_the_same_on_every_machine(client: Client, zone: str) -> None:
    status, told = await post(client, "/api/customers", {**CUSTOMER, "timeZone": zone})
    assert (status, told["code"]) == (422, "invalid_fields")
