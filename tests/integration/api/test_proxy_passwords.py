"""No password of a proxy stands in MongoDB in plain, and the worker has it all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from bson import encode
from pydantic import SecretStr

from control_api.app import build_app
from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.connections.proxy_passwords import ProxyPasswords, rotate_proxy_passwords
from sessions.encryption.keys import Key, KeyRing
from tests.builders import OWNER, Stores
from tests.integration.conftest import KEY

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client

PASSWORD = "hunter2-of-the-proxy"
PROXY = {"server": "http://192.0.2.1:3128", "username": "us", "password": PASSWORD}
PATH = "/api/whatsapp/connections"
OLD, NEW = Key("old", b"1" * 32), Key("new", b"2" * 32)


async def _stored(database: Database) -> bytes:
    return b"".join([encode(each) async for each in database["connections"].find({})])


async def _opened(stores: Stores, keys: KeyRing, name: str = "main") -> str | None:
    """Return the password as a worker with these keys has it."""
    proxy = ProxyPasswords(keys).open(await stores.connections.find(OWNER, name))
    return proxy.password.get_secret_value() if proxy and proxy.password else None


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    """Give the API a key that the test has too."""
    return api_settings.model_copy(update={"session_encryption_keys": SecretStr(OLD.text())})


@pytest.mark.parametrize("way", ["created", "changed"])
async def test_a_password_is_encrypted_and_told_to_nobody_but_the_browser(
    client: Client, stores: Stores, database: Database, way: str
) -> None:
    made: dict[str, Any] = {"connectionId": "main"}
    if way == "created":
        answer = await client.post(PATH, json=made | {"proxy": PROXY})
    else:
        await client.post(PATH, json=made)
        answer = await client.patch(f"{PATH}/main", json={"proxy": PROXY})
    assert answer.status in (200, 201)
    shown = await client.get(f"{PATH}/main")
    for each in (answer, shown):
        assert PASSWORD not in await each.text()
    assert PASSWORD.encode() not in await _stored(database)
    assert await _opened(stores, KeyRing([OLD])) == PASSWORD


async def test_a_password_opens_for_its_own_connection_and_its_key_only(
    client: Client, stores: Stores, database: Database
) -> None:
    await client.post(PATH, json={"connectionId": "main", "proxy": PROXY})
    await client.post(PATH, json={"connectionId": "other"})
    taken = await database["connections"].find_one({"connectionId": "main"})
    assert taken is not None
    await database["connections"].update_one(
        {"connectionId": "other"}, {"$set": {"proxy": taken["proxy"]}}
    )
    assert await _opened(stores, KeyRing([OLD]), "other") is None
    assert await _opened(stores, KeyRing([NEW])) is None


async def test_a_rotation_encrypts_plain_passwords_and_moves_the_others(
    client: Client, stores: Stores, database: Database
) -> None:
    await client.post(PATH, json={"connectionId": "main", "proxy": PROXY})
    await client.post(PATH, json={"connectionId": "plain"})
    await database["connections"].update_one({"connectionId": "plain"}, {"$set": {"proxy": PROXY}})
    assert await _opened(stores, KeyRing([OLD]), "plain") == PASSWORD
    keys = KeyRing([NEW, OLD])
    assert await rotate_proxy_passwords(database, keys) == 2
    assert await rotate_proxy_passwords(database, keys) == 0
    assert PASSWORD.encode() not in await _stored(database)
    for name in ("main", "plain"):
        assert await _opened(stores, KeyRing([NEW]), name) == PASSWORD


async def test_in_production_without_keys_no_password_is_taken(
    database: Database, redis: ArqRedis, stores: Stores, api_settings: ApiSettings
) -> None:
    without = {"app_env": "production", "session_encryption_keys": None}
    settings = api_settings.model_copy(update=without)
    services = await Services.over(database, redis, stores.events, settings, utc_now)
    await services.keys.choose_first(KEY, utc_now())
    app, headers = build_app(services, upkeep=False), {"X-Api-Key": KEY}
    async with TestClient(TestServer(app), headers=headers) as client:
        refused = await client.post(PATH, json={"connectionId": "main", "proxy": PROXY})
        assert (refused.status, (await refused.json())["code"]) == (409, "no_encryption_keys")
        open_proxy = {"server": PROXY["server"]}
        taken = await client.post(PATH, json={"connectionId": "main", "proxy": open_proxy})
        assert taken.status == 201
