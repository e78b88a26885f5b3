"""What an API key may do: for whom, for what, from where, until when, and with whom it ends."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from sessions.common.clock import utc_now
from tests.cases import in_one_test
from tests.integration.services import services_with
from tests.integration.world import PASSWORD, Answer, Person, World, call, must

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

CONNECTIONS = "/api/whatsapp/connections"
KEYS = "/api/api-keys"
ME = "/api/auth/me"
MINE = "business_main"
WISH = {"name": "Backend", "scopes": ["send", "read", "manage"]}
LATER = "2040-01-31T09:00:00Z"


async def _ask(world: World, key: dict[str, str], path: str = ME) -> int:
    return (await call(world.client, "GET", path, key)).status


async def _make(world: World, headers: dict[str, str], **wish: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await must(world.client, "POST", KEYS, headers, WISH | wish)).json
    return made


async def _refused(world: World, headers: dict[str, str], **wish: Any) -> Answer:
    return await call(world.client, "POST", KEYS, headers, WISH | wish)


def _key(made: dict[str, Any]) -> dict[str, str]:
    return {"X-Api-Key": made["key"]}


async def test_an_administrators_key_is_for_their_own_connections_unless_it_is_asked_for_all(
    world: World,
) -> None:
    own, every = [await _make(world, world.admin.headers, allOwners=each) for each in (False, True)]
    assert (own["allOwners"], every["allOwners"]) == (False, True)
    for made, seen, status in ((own, 0, 403), (every, 2, 200)):
        listed = await must(world.client, "GET", CONNECTIONS, _key(made))
        assert len(listed.json["items"]) == seen
        for path in (f"{CONNECTIONS}?owner={world.dana.id}", "/api/users", "/api/workers"):
            assert await _ask(world, _key(made), path) == status, path


async def test_only_an_administrators_own_key_is_for_all_owners(world: World) -> None:
    own = await _make(world, world.admin.headers)
    theirs = f"{KEYS}?owner={world.dana.id}"
    for path, headers in (
        (KEYS, world.dana.headers),
        (KEYS, _key(own)),
        (theirs, world.admin.headers),
    ):
        refused = await call(world.client, "POST", path, headers, WISH | {"allOwners": True})
        assert (refused.status, refused.json["code"]) == (403, "forbidden")


async def test_a_key_of_an_earlier_version_keeps_what_it_could_do(
    world: World, database: Database
) -> None:
    every = await _make(world, world.admin.headers, allOwners=True)
    new = ("connections", "allowedIps", "expiresAt", "makers")
    await database["apiKeys"].update_one({"_id": every["id"]}, {"$unset": dict.fromkeys(new, "")})
    assert await _ask(world, _key(every), "/api/users") == 200
    listed = await must(world.client, "GET", KEYS, world.admin.headers)
    (shown,) = (each for each in listed.json["items"] if each["id"] == every["id"])
    assert shown["allOwners"] is True


async def test_a_key_works_until_it_expires(world: World, database: Database) -> None:
    made = await _make(world, world.dana.headers, expiresAt=LATER)
    assert made["expiresAt"] == "2040-01-31T09:00:00.000Z"
    assert await _ask(world, _key(made)) == 200
    await _expire(database, made)
    assert await _ask(world, _key(made)) == 401
    over = (utc_now() - timedelta(seconds=1)).isoformat()
    refused = await _refused(world, world.dana.headers, expiresAt=over)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "expiresAt")


async def _expire(database: Database, made: dict[str, Any]) -> None:
    over = utc_now() - timedelta(seconds=1)
    await database["apiKeys"].update_one({"_id": made["id"]}, {"$set": {"expiresAt": over}})


async def test_a_key_for_certain_connections_tells_which(world: World) -> None:
    other = await world.new_connection(world.dana)
    made = await _make(world, world.dana.headers, connectionIds=[MINE])
    assert made["connectionIds"] == [MINE]
    message = {"to": "+972501234567", "message": "Hello"}
    for connection, status in ((MINE, 202), (other, 404)):
        send = {"connectionId": connection, **message}
        path = "/api/whatsapp/send"
        assert (await call(world.client, "POST", path, _key(made), send)).status == status
    create = await call(world.client, "POST", CONNECTIONS, _key(made), {"connectionId": "third"})
    assert (create.status, create.json["code"]) == (403, "forbidden")


async def test_a_key_is_for_connections_of_its_owner_only(world: World) -> None:
    other = await world.new_connection(world.noa)
    refused = await _refused(world, world.dana.headers, connectionIds=[MINE, other])
    assert (refused.status, refused.json["code"]) == (404, "connection_not_found")
    both = await _refused(world, world.admin.headers, connectionIds=["main"], allOwners=True)
    assert both.status == 422


async def test_a_connection_that_is_made_anew_is_not_one_that_a_key_was_for(world: World) -> None:
    made = await _make(world, world.dana.headers, connectionIds=[MINE])
    assert await _ask(world, _key(made), f"{CONNECTIONS}/{MINE}") == 200
    await must(world.client, "DELETE", f"{CONNECTIONS}/{MINE}", world.dana.headers)
    await must(world.client, "POST", CONNECTIONS, world.dana.headers, {"connectionId": MINE})
    assert await _ask(world, _key(made), f"{CONNECTIONS}/{MINE}") == 404


@pytest.mark.parametrize(
    ("allowed", "status"),
    [("127.0.0.1", 200), ("127.0.0.0/8", 200), ("203.0.113.0/24", 401), ("2001:db8::/32", 401)],
)
async def test_a_key_works_from_its_addresses_only(world: World, allowed: str, status: int) -> None:
    made = await _make(world, world.dana.headers, allowedIps=[allowed])
    assert await _ask(world, _key(made)) == status


async def test_behind_a_proxy_the_client_is_who_the_proxy_names(
    world: World, services: Services
) -> None:
    made = await _make(world, world.dana.headers, allowedIps=["203.0.113.0/24"])
    trusted = {"trusted_proxies": (ip_network("127.0.0.1"),)}
    settings = services.settings.model_copy(update=trusted)
    async with TestClient(
        TestServer(build_app(services_with(services, settings=settings), upkeep=False))
    ) as client:
        for address, status in (("203.0.113.9", 200), ("198.51.100.9", 401)):
            headers = {**_key(made), "X-Forwarded-For": address}
            assert (await client.get(ME, headers=headers)).status == status


@in_one_test("wrong", ["203.0.113.9/24", "somewhere", "::ffff:203.0.113.9", "", 7, "1.2.3.4/33"])
async def test_what_is_no_network_is_refused(world: World, wrong: object) -> None:
    refused = await _refused(world, world.dana.headers, allowedIps=[wrong])
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "allowedIps.0")


async def test_what_a_key_makes_ends_with_it(world: World, database: Database) -> None:
    for end in ("revoked", "expired"):
        first = await _make(world, world.dana.headers)
        second = await _make(world, _key(first))
        third = await _make(world, _key(second))
        beside = await _make(world, world.dana.headers)
        assert (second["madeBy"], third["madeBy"]) == (first["id"], second["id"])
        if end == "revoked":
            await must(world.client, "DELETE", f"{KEYS}/{first['id']}", world.dana.headers)
        else:
            await _expire(database, first)
        statuses = [await _ask(world, _key(each)) for each in (first, second, third, beside)]
        assert statuses == [401, 401, 401, 200], end


async def test_what_an_administrators_key_makes_for_somebody_ends_with_it(world: World) -> None:
    every = await _make(world, world.admin.headers, allOwners=True)
    path = f"{KEYS}?owner={world.dana.id}"
    theirs = (await must(world.client, "POST", path, _key(every), WISH)).json
    assert (theirs["owner"], theirs["allOwners"]) == (world.dana.id, False)
    await must(world.client, "DELETE", f"{KEYS}/{every['id']}", world.admin.headers)
    assert await _ask(world, _key(theirs)) == 401


async def test_a_key_makes_none_that_may_more(world: World) -> None:
    other = await world.new_connection(world.dana)
    narrow = {
        "scopes": ["read", "manage"],
        "connectionIds": [MINE],
        "allowedIps": ["127.0.0.0/8", "203.0.113.0/24"],
        "expiresAt": LATER,
    }
    made = await _make(world, world.dana.headers, **narrow)
    for wider in (
        {"scopes": ["send"]},
        {"scopes": ["read"], "connectionIds": [other]},
        {"scopes": ["read"], "allowedIps": ["0.0.0.0/0"]},
        {"scopes": ["read"], "allowedIps": ["::/0"]},
        {"scopes": ["read"], "expiresAt": "2041-01-31T09:00:00Z"},
        {"scopes": ["read"], "allOwners": True},
    ):
        refused = await _refused(world, _key(made), **wider)
        assert refused.status in (403, 404), wider
    as_much = await _make(world, _key(made), scopes=["read"])
    shown = ("connectionIds", "allowedIps", "expiresAt")
    assert [as_much[each] for each in shown] == [made[each] for each in shown]
    less = await _make(world, _key(made), scopes=["read"], allowedIps=["127.0.0.1"])
    assert less["allowedIps"] == ["127.0.0.1/32"]


async def test_a_new_password_leaves_keys_alone_or_revokes_them(world: World) -> None:
    made = await _make(world, world.dana.headers)
    child = await _make(world, _key(made))
    theirs = await _make(world, world.noa.headers)
    me = await must(world.client, "GET", ME, world.dana.headers)
    count = me.json["apiKeys"]
    assert count == 3
    assert "apiKeys" not in (await must(world.client, "GET", ME, _key(made))).json
    await _change_password(world, world.dana, PASSWORD, PASSWORD + "1")
    assert await _ask(world, _key(made)) == 200
    await _change_password(world, world.dana, PASSWORD + "1", PASSWORD, revokeApiKeys=True)
    assert [await _ask(world, _key(each)) for each in (made, child, theirs)] == [401, 401, 200]
    assert (await must(world.client, "GET", ME, world.dana.headers)).json["apiKeys"] == 0


async def test_the_administrators_new_password_revokes_the_first_key_for_good(
    world: World, services: Services
) -> None:
    await _change_password(world, world.admin, PASSWORD, PASSWORD + "1", revokeApiKeys=True)
    assert await services.keys.of_owner("admin") == []
    assert await services.keys.has_first(), "it was revoked, and no other is made"


async def _change_password(
    world: World, person: Person, old: str, new: str, **also: object
) -> None:
    body = {"password": old, "newPassword": new, **also}
    await must(world.client, "POST", "/api/auth/password", person.headers, body)
