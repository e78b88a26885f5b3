"""The first key over restarts: what was revoked stays so, and there is a way back in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp.test_utils import TestClient

from control_api.credentials.first_key import KEY_FILE, ensure_first_key
from sessions.accounts.api_keys import ApiKeyStore, Grant
from sessions.common.callers import FIRST_OWNER
from sessions.common.clock import utc_now
from tests.integration.conftest import KEY
from tests.logged import logged

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

ANOTHER_KEY = "another key of thirty-two characters"
THIRD_KEY = "a third key, also of that many characters"


async def _revoke_first(client: Client, key: str = KEY) -> None:
    answer = await client.delete("/api/api-keys/initial", headers={"X-Api-Key": key})
    assert answer.status == 204


async def _status(client: Client, key: str) -> int:
    return (await client.get("/api/auth/me", headers={"X-Api-Key": key})).status


async def test_a_revoked_first_key_stays_so_over_restarts(
    client: Client, services: Services, tmp_path: Path
) -> None:
    await _revoke_first(client)
    with logged("WARNING") as lines:
        for chosen in (KEY, None):
            await ensure_first_key(services.keys, chosen, tmp_path, utc_now())
            assert await _status(client, KEY) == 401
    assert not (tmp_path / KEY_FILE).exists()
    (told,) = lines
    assert "INITIAL_API_KEY was revoked" in told


async def test_a_revoked_first_key_is_as_if_it_were_not_there(
    client: Client, services: Services, database: Database
) -> None:
    made, key = await services.keys.create(Grant("admin", "Backend"), utc_now())
    own = {"X-Api-Key": key}
    await _revoke_first(client)
    listed = await (await client.get("/api/api-keys", headers=own)).json()
    assert [each["id"] for each in listed["items"]] == [made.id]
    again = await client.delete("/api/api-keys/initial", headers=own)
    assert (again.status, (await again.json())["code"]) == (404, "api_key_not_found")
    kept = await database["apiKeys"].find_one({"_id": "initial"})
    assert kept is not None
    assert kept["revokedAt"] <= utc_now()


async def test_another_chosen_key_is_a_first_key_again(client: Client, services: Services) -> None:
    await _revoke_first(client)
    for key in (ANOTHER_KEY, ANOTHER_KEY, THIRD_KEY):
        await services.keys.choose_first(key, utc_now())
        assert await _status(client, key) == 200
    assert await _status(client, ANOTHER_KEY) == 401
    await _revoke_first(client, THIRD_KEY)
    for key in (KEY, THIRD_KEY):
        await services.keys.choose_first(key, utc_now())
        assert await _status(client, key) == 401


async def test_a_process_on_another_host_leaves_no_file_of_a_key_that_does_not_work(
    database: Database, tmp_path: Path
) -> None:
    keys, (here, there) = _RacedKeys(database), (tmp_path / "here", tmp_path / "there")
    await ensure_first_key(keys, None, here, utc_now())
    await ensure_first_key(keys, None, there, utc_now())
    assert await keys.is_first((here / "first-api.key").read_text().strip())
    assert list(there.iterdir()) == []


async def test_the_file_of_a_first_key_that_was_revoked_goes_at_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    keys, file = ApiKeyStore(database), tmp_path / "first-api.key"
    for _ in range(2):
        await ensure_first_key(keys, None, tmp_path, utc_now())
        assert await keys.is_first(file.read_text().strip())
    await keys.revoke(FIRST_OWNER, "initial", utc_now())
    await ensure_first_key(keys, None, tmp_path, utc_now())
    assert not file.exists()


class _RacedKeys(ApiKeyStore):
    """Keys that another process looks at, too, before there is a first one."""

    async def has_first(self) -> bool:
        return False
