"""What one owner may have, so that none starves the others, however much is asked for at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from arq import Retry
from pydantic import SecretStr

from chatgrow_worker.intake.send_message import SendMessage
from control_api.app import build_app
from control_api.services import Services
from control_api.settings import ApiSettings
from sessions.common.clock import utc_now
from sessions.connections.states import ConnectionState
from sessions.queue.intake_failures import IntakeFailures
from tests.builders import OWNER, TO, Stores
from tests.integration.conftest import JWT_SECRET, KEY
from tests.integration.services import services_with
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import ClientResponse, web
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

CONNECTIONS = "/api/whatsapp/connections"
KEYS = "/api/api-keys"
SEND = "/api/whatsapp/send"
MESSAGES = "/api/whatsapp/messages"
MANY = 30


@pytest.fixture
def api_settings(tmp_path: Path) -> ApiSettings:
    return ApiSettings(
        _env_file=None,
        data_dir=tmp_path,
        bcrypt_rounds=4,
        jwt_secret=SecretStr(JWT_SECRET),
        connections_per_owner=3,
        queued_messages_per_owner=5,
        api_keys_per_owner=4,
        waiting_requests_per_owner=2,
        api_key_rate_limit_per_owner=10,
    )


@dataclass
class Tenant:
    """A user with an API key; the key is one of those that they may have."""

    client: Client
    id: str
    headers: dict[str, str]

    async def post(self, path: str, body: object, **headers: str) -> ClientResponse:
        return await self.client.post(path, json=body, headers={**self.headers, **headers})

    async def together(self, path: str, bodies: Sequence[object]) -> list[ClientResponse]:
        return await asyncio.gather(*(self.post(path, body) for body in bodies))


async def _tenant(services: Services, client: Client, name: str = "dana") -> Tenant:
    user = await services.users.create(f"{name}@example.com", name, "no hash", utc_now())
    made = await client.post(
        KEYS,
        params={"owner": user.id},
        json={"name": "Backend", "scopes": ["send", "read", "manage"]},
    )
    return Tenant(client, user.id, {"X-Api-Key": (await made.json())["key"]})


@pytest.fixture
async def unlimited(services: Services) -> AsyncIterator[Client]:
    """Serve the API without a limit of requests."""
    settings = services.settings.model_copy(update={"api_key_rate_limit_per_owner": 1_000_000})
    app = build_app(services_with(services, settings=settings), upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        yield client


async def _codes(answers: Sequence[ClientResponse]) -> Counter[str]:
    found = [(each.status, await each.json()) for each in answers]
    return Counter("made" if status < 300 else told["code"] for status, told in found)


def _names(count: int, prefix: str = "line") -> list[dict[str, str]]:
    return [{"connectionId": f"{prefix}_{place}"} for place in range(count)]


async def test_an_owner_has_only_so_many_connections(services: Services, unlimited: Client) -> None:
    dana = await _tenant(services, unlimited)
    answers = await dana.together(CONNECTIONS, _names(MANY))
    assert await _codes(answers) == {"made": 3, "quota_exceeded": MANY - 3}
    refused = next(each for each in answers if each.status >= 300)
    problem = await refused.json()
    assert (refused.status, problem["limit"]) == (409, 3)
    listed = await (await unlimited.get(CONNECTIONS, headers=dana.headers)).json()
    assert len(listed["items"]) == 3

    there = listed["items"][0]["connectionId"]
    again = await dana.post(CONNECTIONS, {"connectionId": there})
    assert (await again.json())["code"] == "connection_exists"
    assert (await unlimited.delete(f"{CONNECTIONS}/{there}", headers=dana.headers)).status == 204
    assert (await dana.post(CONNECTIONS, {"connectionId": "another"})).status == 201


async def test_processes_that_make_connections_at_once_never_make_too_many(
    database: Database, redis: ArqRedis, stores: Stores, services: Services, unlimited: Client
) -> None:
    dana = await _tenant(services, unlimited)
    other = await Services.over(database, redis, stores.events, services.settings, utc_now)
    async with TestClient(TestServer(build_app(other, upkeep=False))) as second:
        twin = Tenant(second, dana.id, dana.headers)
        await asyncio.gather(
            dana.together(CONNECTIONS, _names(MANY)),
            twin.together(CONNECTIONS, _names(MANY, "other")),
        )
    assert 0 < await services.connections.count(dana.id) <= 3


async def test_an_owner_has_only_so_many_api_keys(services: Services, unlimited: Client) -> None:
    dana = await _tenant(services, unlimited)
    wish = {"name": "One more", "scopes": ["read"]}
    answers = await dana.together(KEYS, [wish] * MANY)
    assert await _codes(answers) == {"made": 3, "quota_exceeded": MANY - 3}


async def test_only_so_many_messages_of_an_owner_wait(
    services: Services, unlimited: Client
) -> None:
    dana = await _tenant(services, unlimited)
    await dana.together(CONNECTIONS, _names(2))
    first = await dana.post(SEND, _message("line_0"), **{"Idempotency-Key": "first"})
    answers = await dana.together(SEND, [_message(f"line_{n % 2}") for n in range(MANY)])
    assert await _codes(answers) == {"made": 4, "queue_full": MANY - 4}
    refused = next(each for each in answers if each.status >= 300)
    problem = await refused.json()
    assert (refused.status, problem["limit"]) == (429, 5)
    assert refused.headers["Retry-After"] == str(problem["retryAfterSeconds"])

    again = await dana.post(SEND, _message("line_0"), **{"Idempotency-Key": "first"})
    assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
    message = (await first.json())["messageId"]
    await unlimited.delete(f"{MESSAGES}/{message}", headers=dana.headers)

    async def fits() -> bool:
        return (await dana.post(SEND, _message("line_1"))).status == 202

    await until(fits)
    redriven = await dana.post(f"{MESSAGES}/{message}/retry", {})
    assert (await redriven.json())["code"] == "queue_full"


async def test_a_bulk_is_accepted_as_a_whole_or_not_at_all(
    services: Services, unlimited: Client
) -> None:
    dana = await _tenant(services, unlimited)
    await dana.post(CONNECTIONS, {"connectionId": "line_0"})
    texts = [{"to": TO, "message": str(each)} for each in range(6)]
    for count, status in ((6, 429), (5, 202), (1, 429)):
        wish = {"connectionId": "line_0", "messages": texts[:count]}
        assert (await dana.post(f"{SEND}/bulk", wish)).status == status


async def test_failed_messages_are_put_back_only_where_there_is_room(
    services: Services, unlimited: Client, database: Database
) -> None:
    dana = await _tenant(services, unlimited)
    await dana.post(CONNECTIONS, {"connectionId": "line_0"})
    for status in ("failed", "queued"):
        for _ in range(3):
            await dana.post(SEND, _message("line_0"))
        if status == "failed":
            await database["messages"].update_many({}, {"$set": {"status": status}})
    answer = await dana.post(f"{MESSAGES}/retry", {"connectionId": "line_0"})
    assert (await answer.json())["code"] == "queue_full"


async def test_a_job_of_the_arq_intake_waits_for_room(
    services: Services, unlimited: Client, database: Database
) -> None:
    dana = await _tenant(services, unlimited)
    await dana.post(CONNECTIONS, {"connectionId": "line_0"})
    for _ in range(5):
        await dana.post(SEND, _message("line_0"))
    failures = IntakeFailures(database, utc_now)
    send_message = SendMessage(services.acceptance, failures)
    with pytest.raises(Retry):
        await send_message({"job_id": "one"}, _message("line_0"), dana.id)
    assert await database["intakeFailures"].count_documents({}) == 0


async def test_the_first_administrator_has_no_quota(unlimited: Client) -> None:
    admin = Tenant(unlimited, OWNER, {})
    answers = [
        *await admin.together(CONNECTIONS, _names(4)),
        *await admin.together(KEYS, [{"name": "One more", "scopes": ["read"]}] * 5),
        *await admin.together(SEND, [_message("line_0")] * 6),
    ]
    assert await _codes(answers) == {"made": 15}


async def test_only_so_many_requests_of_an_owner_wait(
    services: Services, unlimited: Client, stores: Stores
) -> None:
    dana = await _tenant(services, unlimited)
    _, lease = await stores.leased(owner=dana.id)
    await stores.connections.move(
        lease, ConnectionState.STARTING, ConnectionState.AWAITING_SCAN, None
    )

    async def wait() -> Any:
        path = f"{CONNECTIONS}/main/qr"
        answer = await unlimited.get(path, params={"wait": "20"}, headers=dana.headers)
        return (await answer.json())["code"]

    waiting = [asyncio.create_task(wait()) for _ in range(3)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [each.result() for each in done] == ["too_many_waiting_requests"]
    await stores.connections.move(
        lease, ConnectionState.AWAITING_SCAN, ConnectionState.STOPPED, None
    )
    await asyncio.gather(*waiting)
    assert await wait() == "no_qr_code"


async def test_more_keys_do_not_let_an_owner_ask_more(services: Services, client: Client) -> None:
    dana, noa = await _tenant(services, client), await _tenant(services, client, "noa")
    wish = {"name": "One more", "scopes": ["read"]}
    keys = [dana.headers]
    for _ in range(3):
        made = await (await dana.post(KEYS, wish)).json()
        keys.append({"X-Api-Key": made["key"]})
    statuses = [
        (await client.get(CONNECTIONS, headers=keys[place % 4])).status for place in range(9)
    ]
    assert statuses == [200] * 7 + [429] * 2
    assert (await client.get(CONNECTIONS, headers=noa.headers)).status == 200
    assert [(await client.get(CONNECTIONS)).status for _ in range(12)] == [200] * 12


def _message(connection_id: str) -> dict[str, str]:
    return {"connectionId": connection_id, "to": TO, "message": "Hello"}
