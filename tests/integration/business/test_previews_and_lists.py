"""What is told before anything is sent: previews, whom a list reaches, and what is ready-made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from business.model import Template
from business.ready_made import READY_AUTOMATIONS, Trade
from sessions.common.ids import new_id
from tests.cases import in_one_test
from tests.integration.business.conftest import Shop
from tests.integration.business.test_business_api import (
    CUSTOMER,
    booking,
    get,
    in_days,
    made,
    post,
)
from tests.integration.business.test_campaigns import draft

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from sessions.storage.mongo import Database
    from tests.builders import Stores

    Client = TestClient[web.Request, web.Application]

__all__ = ["booking"]
AUTOMATION = {
    "name": "A day before",
    "trigger": "before_appointment",
    "offset": "1d",
    "deliveryHour": "18:00",
    "template": "ready_reminder",
    "purpose": "reminder",
    "connectionId": "main",
    "enabled": True,
}


async def patch(client: Client, path: str, body: object) -> Any:
    async with client.patch(path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_a_text_is_previewed_before_it_is_stored(client: Client, database: Database) -> None:
    wish = {"draft": "Hi {{customer.firstName}}", "variables": {"customer.firstName": "Noa"}}
    assert await post(client, "/api/templates/preview", wish) == (
        200,
        {"text": "Hi Noa", "language": "en"},
    )
    assert await database["templates"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("text", "code", "variable"),
    [
        ("Hi {{customer.shoeSize}}", "template_invalid", "customer.shoeSize"),
        ("Hi {{customer", "template_invalid", None),
        ("{{customer.attributes.pet}}", "template_value_missing", "customer.attributes.pet"),
    ],
)
async def test_what_is_wrong_with_a_text_names_the_variable(
    client: Client, text: str, code: str, variable: str | None
) -> None:
    status, refused = await post(client, "/api/templates/preview", {"draft": text})
    assert (status, refused["code"], refused.get("variable")) == (422, code, variable)


@in_one_test(
    ("given", "variable"),
    [
        ({"customer.shoeSize": "42"}, "customer.shoeSize"),
        ({"nobody": {"name": "x"}}, "nobody.name"),
        ({"customer": "Dana"}, "customer"),
        ({"customer.attributes": "Rex"}, "customer.attributes"),
    ],
)
async def test_a_preview_refuses_values_for_what_does_not_exist(
    client: Client, given: dict[str, Any], variable: str
) -> None:
    wish = {"draft": "Hi {{customer.firstName}}", "variables": given}
    status, refused = await post(client, "/api/templates/preview", wish)
    assert (status, refused["code"], refused["variable"]) == (422, "template_invalid", variable)
    saved = {"name": "Wrong", "texts": {"en": f"Hi {{{{{variable}}}}}"}}
    assert (await post(client, "/api/templates", saved))[1]["detail"] == refused["detail"]


async def test_a_preview_takes_attributes_of_any_name(client: Client) -> None:
    wish = {
        "draft": "{{customer.attributes.pet}} and {{customer.firstName}}",
        "variables": {"customer.attributes.pet": "Rex", "customer": {"firstName": "Noa"}},
    }
    _, shown = await post(client, "/api/templates/preview", wish)
    assert shown["text"] == "Rex and Noa"


OF_APPOINTMENT = "{{appointment.service}} at {{appointment.startsAt | time}}"
NEVER_THERE = ["appointment.service", "appointment.startsAt"]
BIRTHDAY = {"trigger": "customer.birthday", "purpose": "marketing", "offset": None}


async def _template(client: Client, text: str, **texts: str) -> str:
    made_ = await made(client, "/api/templates", {"name": "Text", "texts": {"en": text, **texts}})
    return str(made_["id"])


@pytest.mark.parametrize(
    ("text", "trigger", "variables"),
    [
        (OF_APPOINTMENT, None, NEVER_THERE),
        (OF_APPOINTMENT, "customer.birthday", NEVER_THERE),
        (OF_APPOINTMENT, "subscriber.confirmed", NEVER_THERE),
        (OF_APPOINTMENT, "event.registered", NEVER_THERE),
        ("{{event.name}}", "appointment.booked", ["event.name"]),
        ("{{subscriber.list}}", "customer.birthday", ["subscriber.list"]),
        ("{{customer.attributes.pet}}", None, ["customer.attributes.pet"]),
    ],
)
async def test_what_no_recipient_has_a_value_for_is_refused_when_it_is_made_or_changed(
    client: Client, stores: Stores, text: str, trigger: str | None, variables: list[str]
) -> None:
    await stores.connection("main")
    wrong, good = await _template(client, "Hi", he=text), await _template(client, "Hi")
    path = "/api/campaigns"
    wish: dict[str, Any] = {"name": "Spring", "connectionId": "main"}
    if trigger is not None:
        path, wish = "/api/automations", AUTOMATION | {"trigger": trigger, "enabled": False}
    status, refused = await post(client, path, wish | {"template": wrong})
    assert (status, refused["code"], refused["variables"]) == (
        422,
        "template_unsuitable",
        variables,
    )
    record = await made(client, path, wish | {"template": good})
    changes = (
        (f"{path}/{record['id']}", client.patch, {"template": wrong}),
        (f"/api/templates/{good}", client.put, {"name": "Text", "texts": {"en": text}}),
    )
    for address, change, body in changes:
        async with change(address, json=body) as answer:
            refused = await answer.json()
        assert (answer.status, refused["variables"]) == (422, variables), refused
    assert (await get(client, f"{path}/{record['id']}")) == record
    assert (await get(client, f"/api/templates/{good}"))["texts"] == {"en": "Hi"}


@pytest.mark.parametrize(
    "text",
    [
        "Hi{% if appointment.service %}, {{appointment.service}}{% endif %}",
        "Hi {{appointment.service | default('you')}}",
        "Hi {{customer.firstName}} of {{subscriber.list}}, {{connection.name}}",
    ],
)
async def test_what_a_text_can_do_without_goes_to_everybody(shop: Shop, text: str) -> None:
    template = Template(
        id=new_id(), owner=shop.owner, created_at=shop.clock(), name="Text", texts={"en": text}
    )
    await shop.business.automations.save_template(template)
    await shop.business.automations.require_suitable(shop.owner, template.id, None)
    await shop.subscriber(name="Dana")
    campaign = await draft(shop, template=template.id)
    await shop.business.campaigns.start(campaign)
    await shop.business.campaigns.go_on()
    (message,) = await shop.messages()
    assert str(message.text).startswith("Hi")


async def test_customers_may_have_any_attribute(client: Client, stores: Stores) -> None:
    await stores.connection("main")
    template = await _template(client, "Greet {{customer.attributes.pet}}")
    wish = AUTOMATION | BIRTHDAY | {"template": template}
    await made(client, "/api/automations", wish)


async def test_a_template_changes_whose_former_campaigns_are_over(
    client: Client, stores: Stores
) -> None:
    await stores.connection("main")
    template = await _template(client, "Hi")
    wish = {"name": "Spring", "connectionId": "main", "template": template}
    campaign = await made(client, "/api/campaigns", wish)
    await post(client, f"/api/campaigns/{campaign['id']}/cancel")
    body = {"name": "Text", "texts": {"en": OF_APPOINTMENT}}
    async with client.put(f"/api/templates/{template}", json=body) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_refused_template_names_the_language_of_the_wrong_text(client: Client) -> None:
    texts = {"en": "Hi {{customer.name}}", "he": "{{customer.nme}}"}
    status, refused = await post(client, "/api/templates", {"name": "Wrong", "texts": texts})
    assert status == 422
    assert (refused["language"], refused["variable"]) == ("he", "customer.nme")


async def test_samples_say_what_a_template_says_in_each_language_that_lacks_no_value(
    client: Client,
) -> None:
    texts = {"en": "Hi {{customer.attributes.pet}}", "he": "שלום {{customer.firstName}}"}
    template = await made(client, "/api/templates", {"name": "Pet", "texts": texts})
    assert template["samples"] == {"he": "שלום דנה"}


async def test_the_preview_is_of_the_next_appointment_that_gets_something(
    client: Client, booking: dict[str, Any]
) -> None:
    # Three days before the first one are over.
    await made(client, "/api/appointments", booking | {"startsAt": in_days(1)})
    later = await made(client, "/api/appointments", booking | {"startsAt": in_days(9)})
    automation = await made(client, "/api/automations", AUTOMATION | {"offset": "3d"})
    (planned,) = (await get(client, f"/api/automations/{automation['id']}/preview"))["items"]
    assert planned["appointment"] == later["id"]
    assert "Dana" in planned["text"]


async def test_a_preview_and_an_automation_name_the_missing_value(
    client: Client, booking: dict[str, Any]
) -> None:
    text = {"name": "Place", "texts": {"en": "Come to {{appointment.location}}"}}
    template = await made(client, "/api/templates", text)
    automation = await made(client, "/api/automations", AUTOMATION | {"template": template["id"]})
    await made(client, "/api/appointments", booking | {"startsAt": in_days(5)})
    path = f"/api/automations/{automation['id']}"
    (planned,) = (await get(client, f"{path}/preview"))["items"]
    assert (planned["code"], planned["variable"]) == (
        "template_value_missing",
        "appointment.location",
    )
    last = (await get(client, path))["lastError"]
    assert (last["code"], last["variable"]) == ("template_value_missing", "appointment.location")


async def test_an_hour_of_delivery_is_taken_away_by_null_and_kept_when_left_out(
    client: Client, booking: dict[str, Any]
) -> None:
    appointment = await made(client, "/api/appointments", booking | {"startsAt": in_days(5)})
    automation = await made(client, "/api/automations", AUTOMATION)
    path = f"/api/automations/{automation['id']}"
    assert (await patch(client, path, {"offset": "48h"}))["deliveryHour"] == "18:00"
    assert "deliveryHour" not in await patch(client, path, {"deliveryHour": None})
    planned = (await get(client, f"/api/appointments/{appointment['id']}"))["messages"]
    assert [each["dueAt"] for each in planned if each["status"] == "queued"] == [
        in_days(3).replace("Z", ".000Z")
    ]


async def test_lists_tell_whom_a_campaign_would_reach_and_skip(client: Client) -> None:
    for number in range(3):
        await made(client, "/api/subscribers", {"phone": f"+97254123456{number}"})
    await made(client, "/api/subscribers", {"phone": "+972541234560", "list": "vip"})
    first = (await get(client, "/api/subscribers?list=news"))["items"][0]
    await patch(client, f"/api/subscribers/{first['id']}", {"status": "unsubscribed"})
    out = CUSTOMER | {"phone": "+972541234560", "consents": {"marketing": "out"}}
    await made(client, "/api/customers", out)
    assert (await get(client, "/api/subscribers/lists"))["items"] == [
        {"list": "news", "eligible": 1, "skipped": {"opted_out": 1, "unsubscribed": 1}},
        {"list": "vip", "eligible": 0, "skipped": {"opted_out": 1}},
    ]


async def test_each_trade_is_offered_reminders_that_are_off_and_can_be_switched_on(
    client: Client, booking: dict[str, Any]
) -> None:
    offers = (await get(client, "/api/automations?readyMade=true"))["items"]
    assert not [each for each in offers if each["enabled"]]
    for trade in Trade:
        suiting = [each for each in offers if trade in each["trades"]]
        assert {"before_appointment", "appointment.no_show"} <= {e["trigger"] for e in suiting}
    assert len(offers) == len(READY_AUTOMATIONS)
    for offer in offers:
        wish = {name: value for name, value in offer.items() if name not in ("trades",)}
        await made(client, "/api/automations", wish | {"connectionId": "main", "enabled": True})


async def test_what_is_exported_of_subscribers_can_be_imported_again(client: Client) -> None:
    for number in range(3):
        await made(client, "/api/subscribers", {"phone": f"+97254123456{number}"})
    last = (await get(client, "/api/subscribers"))["items"][0]
    await patch(client, f"/api/subscribers/{last['id']}", {"status": "unsubscribed"})
    async with client.get("/api/subscribers/export") as exported:
        table = (await exported.read()) + b"+972541234569,,news,he,unconfirmed\n"
    for each in (await get(client, "/api/subscribers"))["items"]:
        async with client.delete(f"/api/subscribers/{each['id']}"):
            pass
    headers = {"Content-Type": "text/csv"}
    async with client.post("/api/subscribers/import", data=table, headers=headers) as answer:
        report = await answer.json()
    assert report["created"] == 3, report
    again = {e["phone"]: e["status"] for e in (await get(client, "/api/subscribers"))["items"]}
    assert again.pop(last["phone"]) == "unsubscribed"
    assert {*again.values()} == {"subscribed"}
    assert len(report["refused"]) == 1
