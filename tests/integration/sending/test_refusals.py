"""What MongoDB refuses is not accepted, not lost, and tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from control_api.settings import ApiSettings
from sessions.common.clock import utc_now
from sessions.messages.model import MessageStatus
from sessions.storage.mongo import STORE_DOWN
from tests.builders import Stores
from tests.dispatching import dispatching, reaches
from tests.fake_page import FakePage
from tests.integration.conftest import KEY
from tests.refusing_mongo import refusing

if TYPE_CHECKING:
    from arq.connections import ArqRedis

FULL_DISK = {"errorCode": 14031}
INTERRUPTED = {"errorCode": 11601}


def no_majority(code: int) -> dict[str, Any]:
    return {"writeConcernError": {"code": code, "errmsg": "waiting for replication failed"}}


@pytest.mark.parametrize(
    "how",
    [no_majority(64), no_majority(100), no_majority(91), FULL_DISK],
    ids=["too late", "too few", "shutdown", "full disk"],
)
async def test_what_the_majority_does_not_have_is_not_accepted(
    stores: Stores, how: dict[str, Any]
) -> None:
    connection = await stores.connection()
    async with refusing(stores.database, "insert", "messages", **how):
        with pytest.raises(STORE_DOWN):
            await stores.message(connection)


@pytest.mark.parametrize(
    ("command", "collection", "how"),
    [
        ("insert", "messages", no_majority(64)),
        ("insert", "messages", FULL_DISK),
        ("findAndModify", "connections", no_majority(64)),
        ("findAndModify", "connections", INTERRUPTED),
        ("aggregate", "apiKeys", INTERRUPTED),
    ],
)
async def test_a_send_that_is_refused_may_be_tried_again(
    stores: Stores,
    redis: ArqRedis,
    api_settings: ApiSettings,
    command: str,
    collection: str,
    how: dict[str, Any],
) -> None:
    await stores.connection()
    services = await Services.over(stores.database, redis, stores.events, api_settings, utc_now)
    await services.keys.choose_first(KEY, utc_now())
    wish = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
    headers = {"X-Api-Key": KEY, "Idempotency-Key": "order-17"}
    async with TestClient(TestServer(build_app(services, upkeep=False)), headers=headers) as client:
        async with refusing(stores.database, command, collection, **how):
            refused = await client.post("/api/whatsapp/send", json=wish)
        code = (await refused.json())["code"]
        accepted = await client.post("/api/whatsapp/send", json=wish)
    assert (refused.status, code) == (503, "store_unavailable")
    assert "Retry-After" in refused.headers
    assert accepted.status == 202
    assert await stores.database["messages"].count_documents({}) == 1


async def test_a_dispatcher_goes_on_when_mongodb_does(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage()
    async with (
        refusing(stores.database, "findAndModify", "messages", times=1, **FULL_DISK),
        dispatching(stores, page, lease),
    ):
        await reaches(stores, message, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["Hello"]
