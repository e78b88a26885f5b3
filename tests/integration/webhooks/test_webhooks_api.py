"""The endpoints of webhooks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from sessions.accounts.api_keys import Grant
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.messages.model import Draft
from sessions.outgoing_events.relay import Relay
from sessions.webhooks.families import all_families
from tests.builders import OWNER, PLAIN, TO, Stores
from tests.cases import in_one_test
from tests.integration.conftest import KEY
from tests.integration.services import services_with
from tests.integration.webhooks.receiver import Receiver, status
from tests.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from control_api.settings import ApiSettings

    Client = TestClient[web.Request, web.Application]

HOOKS = "/api/webhooks"


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    return api_settings.model_copy(
        update={"webhook_allowed_hosts": (LOOPBACK,), "webhooks_per_owner": 2}
    )


@pytest.fixture
async def person(services: Services) -> AsyncIterator[Client]:
    """The API with the key of somebody who is no administrator."""
    user = await services.users.create("dana@example.com", "Dana", "a hash", utc_now())
    _, key = await services.keys.create(Grant(user.id, "a backend"), utc_now())
    app = build_app(services, upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": key}) as client:
        yield client


async def _call(
    client: Client, method: str, path: str, body: object = None, expect: int = 200
) -> Any:
    async with client.request(method, path, json=body) as answer:
        text = await answer.text()
        assert answer.status == expect, text
        return await answer.json() if text else None


async def _made(client: Client, url: str, **fields: object) -> dict[str, Any]:
    body = {"url": url, "events": ["*"], **fields}
    made: dict[str, Any] = await _call(client, "POST", HOOKS, body, 201)
    return made


async def test_a_secret_is_shown_once(client: Client, receiver: Receiver) -> None:
    made = await _made(client, receiver.url, headers={"Authorization": "Bearer hidden"})
    assert made["secret"].startswith("whsec_")
    shown = await _call(client, "GET", f"{HOOKS}/{made['id']}")
    listed = (await _call(client, "GET", HOOKS))["items"]
    assert listed == [shown]
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert shown["headerNames"] == ["Authorization"]
    assert "hidden" not in str(shown)


async def test_nothing_secret_lies_in_the_database(
    client: Client, receiver: Receiver, services: Services
) -> None:
    made = await _made(client, receiver.url, headers={"Authorization": "Bearer hidden"})
    stored = str(await services.database["webhooks"].find_one({}))
    assert made["secret"] not in stored
    assert "hidden" not in stored


async def test_a_test_shows_the_answer(client: Client, receiver: Receiver) -> None:
    made = await _made(client, receiver.url, headers={"X-Ours": "yes"})
    receiver.answers.append(status(418, "I am a teapot"))
    result = await _call(client, "POST", f"{HOOKS}/{made['id']}/test")
    assert (result["delivered"], result["statusCode"], result["answer"]) == (
        False,
        418,
        "I am a teapot",
    )
    result = await _call(client, "POST", f"{HOOKS}/{made['id']}/test")
    assert (result["delivered"], result["statusCode"]) == (True, 204)
    got = receiver.got[1]
    assert got.verified(made["secret"])["type"] == "webhook.test"
    assert got.headers["x-ours"] == "yes"


async def test_a_test_of_a_dead_receiver(client: Client) -> None:
    made = await _made(client, f"http://{LOOPBACK}:{free_port()}/")
    result = await _call(client, "POST", f"{HOOKS}/{made['id']}/test")
    assert (result["delivered"], result["error"]) == (False, "host_unreachable")


async def test_a_new_secret_signs_beside_the_former(client: Client, receiver: Receiver) -> None:
    made = await _made(client, receiver.url)
    rotate, test = f"{HOOKS}/{made['id']}/rotate-secret", f"{HOOKS}/{made['id']}/test"
    changed = await _call(client, "POST", rotate, {"overlap": "24h"})
    await _call(client, "POST", test)
    for secret in (made["secret"], changed["secret"]):
        assert receiver.got[0].verified(secret)
    at_once = await _call(client, "POST", rotate, {"overlap": "0s"})
    assert "formerUntil" not in at_once
    await _call(client, "POST", test)
    assert receiver.got[1].headers["webhook-signature"].count("v1,") == 1
    assert receiver.got[1].verified(at_once["secret"])
    await _call(client, "POST", rotate, {"overlap": "8d"}, 422)


async def test_what_is_left_out_of_a_change_stays(
    client: Client, receiver: Receiver, stores: Stores
) -> None:
    await stores.connection("main")
    made = await _made(client, receiver.url, connectionIds=["main"], description="CRM")
    assert made["connectionIds"] == ["main"]
    path = f"{HOOKS}/{made['id']}"
    changed = await _call(client, "PATCH", path, {"events": ["poll.vote"], "description": None})
    assert (changed["events"], changed["description"]) == (["poll.vote"], "CRM")
    changed = await _call(client, "PATCH", path, {"connectionIds": [], "enabled": False})
    assert "connectionIds" not in changed
    assert (changed["enabled"], changed["disabledReason"]) == (False, "by_owner")
    changed = await _call(client, "PATCH", path, {"enabled": True})
    assert changed["enabled"]
    assert "disabledReason" not in changed
    await _call(client, "PATCH", path, {"connectionIds": ["absent"]}, 404)
    await _call(client, "PATCH", path, {"url": "http://192.168.0.1/"}, 422)


@in_one_test(
    ("fields", "code"),
    [
        ({"url": "https://169.254.169.254/"}, "address_not_allowed"),
        ({"url": "https://localhost/"}, "address_not_allowed"),
        ({"url": "https://2130706433/"}, "url_not_allowed"),
        ({"url": "https://0x7F.1/"}, "url_not_allowed"),
        ({"url": "https://0177.0.0.1:8443/"}, "url_not_allowed"),
        ({"url": "https://127.1/"}, "url_not_allowed"),
        ({"url": "https://example.0x/"}, "url_not_allowed"),
        ({"url": "http://example.com/"}, "url_not_allowed"),
        ({"url": "ftp://example.com/"}, "invalid_fields"),
        ({"url": "https://user:secret@example.com/"}, "invalid_fields"),
        ({"events": []}, "invalid_fields"),
        ({"events": ["gap"]}, "invalid_fields"),
        ({"events": ["*", "poll.vote"]}, "invalid_fields"),
        ({"headers": {"Webhook-Id": "mine"}}, "invalid_fields"),
        ({"headers": {"content-TYPE": "text/plain"}}, "invalid_fields"),
        ({"headers": {"Host": "another"}}, "invalid_fields"),
        ({"headers": {"X-A": "two\r\nlines: x"}}, "invalid_fields"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "invalid_fields"),
        ({"headers": {"": "1"}}, "invalid_fields"),
    ],
)
async def test_what_is_refused(client: Client, fields: dict[str, object], code: str) -> None:
    body = {"url": "https://example.com/", "events": ["*"], **fields}
    status_code = 422
    problem = await _call(client, "POST", HOOKS, body, status_code)
    assert problem["code"] == code
    assert (await _call(client, "GET", HOOKS))["items"] == []


async def test_others_see_nothing_of_it(client: Client, person: Client, receiver: Receiver) -> None:
    made = await _made(client, receiver.url)
    path = f"{HOOKS}/{made['id']}"
    assert (await _call(person, "GET", HOOKS))["items"] == []
    for method, under, body in (
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("GET", "/deliveries", None),
        ("POST", "/test", None),
        ("POST", "/redrive", {}),
        ("POST", "/rotate-secret", {}),
    ):
        problem = await _call(person, method, f"{path}{under}", body, 404)
        assert problem["code"] == "webhook_not_found"
    theirs = await _made(person, receiver.url)
    assert (await _call(client, "GET", f"{HOOKS}/{theirs['id']}"))["owner"] != OWNER


async def test_the_number_of_webhooks_is_limited(person: Client, receiver: Receiver) -> None:
    for _ in range(2):
        await _made(person, receiver.url)
    body = {"url": receiver.url, "events": ["*"]}
    problem = await _call(person, "POST", HOOKS, body, 409)
    assert problem["code"] == "quota_exceeded"


async def test_the_first_administrator_has_a_limit_of_webhooks_too(
    client: Client, services: Services, receiver: Receiver
) -> None:
    made = await _made(client, receiver.url)
    stored = await services.database["webhooks"].find_one({"_id": made["id"]})
    copies = [{**(stored or {}), "_id": new_id()} for _ in range(98)]
    await services.database["webhooks"].insert_many(copies)
    last = await _made(client, receiver.url)
    body = {"url": receiver.url, "events": ["*"]}
    problem = await _call(client, "POST", HOOKS, body, 409)
    assert (problem["code"], problem["limit"]) == ("quota_exceeded", 100)
    await _call(client, "DELETE", f"{HOOKS}/{last['id']}", expect=204)
    await _made(client, receiver.url)


@pytest.mark.parametrize("host", ["93.184.216.34", "1and1.com", "example.x0"])
async def test_addresses_and_names_with_digits_are_accepted(client: Client, host: str) -> None:
    await _made(client, f"https://{host}/")


async def test_a_key_for_one_connection_has_no_webhooks(
    services: Services, stores: Stores, receiver: Receiver
) -> None:
    connection = await stores.connection()
    grant = Grant(OWNER, "narrow", connections=frozenset([connection.id]))
    _, key = await services.keys.create(grant, utc_now())
    async with TestClient(
        TestServer(build_app(services, upkeep=False)), headers={"X-Api-Key": key}
    ) as narrow:
        await _call(narrow, "POST", HOOKS, {"url": receiver.url, "events": ["*"]}, 403)
        await _call(narrow, "GET", HOOKS, None, 403)


async def test_without_keys_no_secret_can_be_stored(services: Services, receiver: Receiver) -> None:
    keyless = services_with(services, webhook_secrets=type(services.webhook_secrets)(None))
    async with TestClient(
        TestServer(build_app(keyless, upkeep=False)), headers={"X-Api-Key": KEY}
    ) as client:
        body = {"url": receiver.url, "events": ["*"]}
        problem = await _call(client, "POST", HOOKS, body, 409)
        assert problem["code"] == "no_encryption_keys"


async def test_deliveries_are_shown_and_sent_again(
    client: Client, services: Services, stores: Stores, receiver: Receiver
) -> None:
    connection = await stores.connection()
    made = await _made(client, receiver.url, events=["message.status"])
    for number in range(3):
        draft = Draft(id=f"m{number}", to=TO, text="Hello")
        await stores.add(connection, [draft])
    await Relay(services.database, all_families(PLAIN), services.deliveries).pass_on()
    path = f"{HOOKS}/{made['id']}"
    first = await _call(client, "GET", f"{path}/deliveries?limit=2")
    rest = await _call(client, "GET", f"{path}/deliveries?limit=2&cursor={first['cursor']}")
    assert [each["id"] for each in (*first["items"], *rest["items"])] == ["m2.1", "m1.1", "m0.1"]
    assert "cursor" not in rest
    assert {each["status"] for each in first["items"]} == {"pending"}
    assert (await _call(client, "GET", f"{path}/deliveries?status=failed"))["items"] == []
    await _call(client, "GET", f"{path}/deliveries?cursor=absent.1", None, 404)
    since = (utc_now() - timedelta(hours=1)).isoformat()
    for body, count in (
        ({}, 0),
        ({"since": since}, 3),
        ({"since": since, "events": ["poll.vote"]}, 0),
        ({"ids": ["m1.1", "absent.1"]}, 1),
    ):
        answer = await _call(client, "POST", f"{path}/redrive", body, 202)
        assert answer == {"redriven": count}
    await _call(client, "DELETE", path, None, 204)
    await _call(client, "GET", path, None, 404)
    assert await services.database["webhookDeliveries"].count_documents({}) == 0


async def test_a_removed_user_leaves_no_webhooks(
    client: Client, services: Services, receiver: Receiver, person: Client
) -> None:
    made = await _made(person, receiver.url)
    await _call(client, "DELETE", f"/api/users/{made['owner']}", None, 204)
    assert (await _call(client, "GET", HOOKS))["items"] == []


async def test_a_person_who_is_erased_is_erased_from_deliveries(
    client: Client, services: Services, stores: Stores, receiver: Receiver
) -> None:
    connection = await stores.connection()
    await _made(client, receiver.url, events=["message.status"])
    await stores.message(connection)
    await stores.message(connection, to="972507654321@c.us")
    await Relay(services.database, all_families(PLAIN), services.deliveries).pass_on()
    erased = await _call(client, "DELETE", f"/api/recipients/{TO.partition('@')[0]}")
    assert erased["deliveries"] == 1
    assert await services.database["webhookDeliveries"].count_documents({}) == 1
