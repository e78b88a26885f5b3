"""When an API key was last used: shown with the key, and never a reason to fail a request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from sessions.accounts.api_keys import ApiKey, ApiKeyStore, Grant
from sessions.common.callers import FIRST_OWNER
from sessions.common.clock import utc_now
from sessions.storage.mongo import STORE_DOWN
from tests.builders import Stores
from tests.integration.conftest import KEY
from tests.refusing_mongo import refusing
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

KEYS = "/api/api-keys"


async def _listed(client: Client) -> dict[str, Any]:
    answer = await client.get(KEYS)
    return {each["name"]: each for each in (await answer.json())["items"]}


async def test_a_key_tells_when_it_was_last_used(services: Services) -> None:
    wish = {"name": "Backend", "scopes": ["read"]}
    app = partial(build_app, services)
    async with TestClient(TestServer(app()), headers={"X-Api-Key": KEY}) as client:
        made = await (await client.post(KEYS, json=wish)).json()
        assert "lastUsedAt" not in (await _listed(client))["Backend"]
        await client.get("/api/auth/me", headers={"X-Api-Key": made["key"]})
    # Uses are written when the side tasks start, and then every two minutes.
    async with TestClient(TestServer(app()), headers={"X-Api-Key": KEY}) as client:

        async def told() -> bool:
            return "lastUsedAt" in (await _listed(client))["Backend"]

        await until(told)
        backend = (await _listed(client))["Backend"]
    assert backend["lastUsedAt"] >= backend["createdAt"]


async def test_an_api_that_ends_writes_down_what_was_used(
    services: Services, database: Database
) -> None:
    async with TestClient(TestServer(build_app(services))) as client:
        await client.get(KEYS)  # uses are first written now, with nothing to write
        await client.get("/api/auth/me", headers={"X-Api-Key": KEY})
    stored = await ApiKeyStore(database).find(FIRST_OWNER, "initial")
    assert stored.last_used_at is not None


async def test_another_first_key_was_not_used_yet(client: Client, services: Services) -> None:
    async def first() -> ApiKey:
        await services.keys.write_uses()
        return await services.keys.find(FIRST_OWNER, "initial")

    await client.get(KEYS)
    used = (await first()).last_used_at
    assert used
    # Every start chooses it again.
    await services.keys.choose_first(KEY, utc_now())
    assert (await first()).last_used_at == used
    await client.get(KEYS)
    await services.keys.choose_first(KEY[::-1], utc_now())
    assert (await first()).last_used_at is None


async def test_a_use_that_mongodb_refuses_is_written_later(stores: Stores) -> None:
    keys = ApiKeyStore(stores.database)
    made, key = await keys.create(Grant(FIRST_OWNER, "Backend"), utc_now())
    async with refusing(stores.database, "update", "apiKeys", errorCode=13):
        assert await keys.caller_of(key)
        with pytest.raises(STORE_DOWN):
            await keys.write_uses()
    await keys.write_uses()
    assert (await keys.find(FIRST_OWNER, made.id)).last_used_at
