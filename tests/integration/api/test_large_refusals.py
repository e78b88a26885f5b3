"""A body with very many mistakes costs us little, and what is said of them stays short."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services
    from tests.builders import Stores

    Client = TestClient[web.Request, web.Application]

KIB = 1024
BULK = "/api/whatsapp/send/bulk"
JSON = {"Content-Type": "application/json"}
WORD = {"email": "dana@example.com", "password": "correct horse battery"}


@pytest.mark.parametrize(
    "path",
    ["/api/auth/login", "/api/auth/register", "/api/auth/refresh", "/link/pairing-code"],
)
async def test_strangers_have_little_to_say(
    stranger: Client, services: Services, stores: Stores, path: str
) -> None:
    token, _ = services.links.make(await stores.connection())
    fields = dict.fromkeys((f"{number:x}" for number in range(1200)), 0)
    headers = {"Origin": str(stranger.make_url("/"))[:-1], "X-Link-Token": token}
    large = await stranger.post(path, json=fields | {"rest": "a" * 16 * KIB}, headers=headers)
    assert (large.status, (await large.json())["code"]) == (413, "request_entity_too_large")
    small = await stranger.post(path, json=fields, headers=headers)
    assert (small.status, (await small.json())["code"]) == (422, "invalid_fields")
    assert len(await small.read()) < 128 * KIB


async def test_the_sign_in_form_is_as_short(stranger: Client) -> None:
    large = await stranger.post("/dashboard/sign-in", data=WORD | {"view": "a" * 16 * KIB})
    assert large.status == 413


async def test_the_longest_password_that_can_be_fits(stranger: Client) -> None:
    escaped = json.dumps(WORD | {"password": "🔑" * 1024}).encode()
    answer = await stranger.post("/api/auth/login", data=escaped, headers=JSON)
    assert (answer.status, (await answer.json())["code"]) == (401, "invalid_credentials")


async def _refused(client: Client, messages: list[Any]) -> dict[str, Any]:
    body = {"connectionId": "main", "messages": messages}
    answer = await client.post(BULK, json=body)
    problem: dict[str, Any] = await answer.json()
    assert (answer.status, problem["code"]) == (422, "invalid_fields")
    return problem


async def test_each_wrong_message_of_a_bulk_is_named(client: Client) -> None:
    problem = await _refused(client, [{"to": "12", "message": "x"}] * 1000)
    assert [each["field"] for each in problem["errors"]] == [
        f"messages.{number}.to" for number in range(1000)
    ]
    assert problem["detail"].startswith("Invalid: messages.0.to, messages.1.to, ")
    assert problem["detail"].endswith(", messages.49.to, and 950 more.")


async def test_of_more_mistakes_than_that_the_first_are_named(client: Client) -> None:
    problem = await _refused(client, [{"phone": "1", "text": "x", "a" * 200: 1}] * 1000)
    assert len(problem["errors"]) == 1000
    assert max(len(each["field"]) for each in problem["errors"]) == 100
    assert problem["detail"].endswith(", and 4950 more.")


async def test_mistakes_without_end_are_only_counted(client: Client) -> None:
    wrong = dict.fromkeys((f"{number:x}" for number in range(100)), 0)
    problem = await _refused(client, [wrong] * 1000)
    (only,) = problem["errors"]
    assert only["field"] == "(body)"
    assert "102000 errors" in only["message"]
