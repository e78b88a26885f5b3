"""People sign in, go on and sign out; the first of them lets in the others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.credentials.access_tokens import AccessTokens, Claims
from control_api.credentials.passwords import Passwords
from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.events.log import EventLog
from tests.cases import in_one_test
from tests.integration.conftest import JWT_SECRET, KEY

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

PASSWORD = "correct horse battery staple"
DANA = {"email": "dana@example.com", "password": PASSWORD, "name": "Dana"}
FIRST = DANA | {"setupToken": KEY}
NOA = {"email": "noa@example.com", "password": PASSWORD, "name": "נועה"}


async def _post(client: Client, path: str, body: object = None, token: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await client.post(path, json=body, headers=headers)
    told = await answer.json() if answer.content_length else {}
    return {"http": answer.status, **told}


async def _get(client: Client, path: str, token: str) -> int:
    return (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status


async def _register(client: Client, **also: str) -> dict[str, Any]:
    made = await _post(client, "/api/auth/register", FIRST, **also)
    assert made["http"] == 201, made
    return made


async def test_the_first_user_is_the_administrator_and_lets_in_the_others(
    stranger: Client,
) -> None:
    dana = await _register(stranger)
    assert dana["user"]["role"] == "admin"
    assert (await _post(stranger, "/api/auth/register", NOA))["http"] == 403
    noa = await _post(stranger, "/api/auth/register", NOA, token=dana["accessToken"])
    assert (noa["http"], noa["user"]["role"], noa["user"]["name"]) == (201, "user", "נועה")
    again = await _post(stranger, "/api/auth/register", NOA, token=dana["accessToken"])
    assert (again["http"], again["code"]) == (409, "user_exists")
    third = NOA | {"email": "third@example.com"}
    refused = await _post(stranger, "/api/auth/register", third, token=noa["accessToken"])
    assert refused["http"] == 403


async def test_of_two_who_register_first_one_is_the_administrator(stranger: Client) -> None:
    made = await asyncio.gather(
        _post(stranger, "/api/auth/register", FIRST),
        _post(stranger, "/api/auth/register", NOA | {"setupToken": KEY}),
    )
    assert sorted(each["http"] for each in made) == [201, 403]


async def test_a_changed_bcrypt_rounds_counts_from_the_next_sign_in(
    stranger: Client, database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    await _register(stranger)
    settings = api_settings.model_copy(update={"bcrypt_rounds": 5})
    services = await Services.over(database, redis, EventLog(), settings, utc_now)
    async with TestClient(TestServer(build_app(services, upkeep=False))) as client:
        for password, status, rounds in (("wrong", 401, 4), (PASSWORD, 200, 5), (PASSWORD, 200, 5)):
            wish = {"email": DANA["email"], "password": password}
            assert (await _post(client, "/api/auth/login", wish))["http"] == status
            user = await services.users.by_email(DANA["email"])
            assert user is not None
            assert user.password_hash.startswith(f"$2b${rounds:02}$")


async def test_registration_can_be_opened(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> None:
    settings = api_settings.model_copy(update={"allow_registration": True})
    services = await Services.over(database, redis, EventLog(), settings, utc_now)
    await services.keys.choose_first(KEY, utc_now())
    async with TestClient(TestServer(build_app(services, upkeep=False))) as client:
        assert (await _post(client, "/api/auth/register", FIRST))["user"]["role"] == "admin"
        assert (await _post(client, "/api/auth/register", NOA))["user"]["role"] == "user"


async def test_what_the_first_key_made_belongs_to_the_administrator(
    client: Client, stranger: Client
) -> None:
    body = {"connectionId": "main"}
    assert (await client.post("/api/whatsapp/connections", json=body)).status == 201
    dana = await _register(stranger)
    status = await _get(stranger, "/api/whatsapp/connections/main", dana["accessToken"])
    assert status == 200


async def test_signing_in_is_refused_alike_for_a_wrong_password_and_nobody(
    stranger: Client,
) -> None:
    await _register(stranger)
    right = {"email": "ＤＡＮＡ＠example.com ", "password": PASSWORD}
    assert (await _post(stranger, "/api/auth/login", right))["http"] == 200
    wrong = await _post(stranger, "/api/auth/login", right | {"password": "another"})
    nobody = await _post(stranger, "/api/auth/login", right | {"email": "nobody@example.com"})
    assert wrong == nobody
    assert (wrong["http"], wrong["code"]) == (401, "invalid_credentials")


@in_one_test(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "é" * 40}, "password"),
        ({"email": "no address"}, "email"),
        ({"email": "da\u200bna@example.com"}, "email"),
        ({"email": {"$ne": ""}}, "email"),
        ({"role": "admin"}, "role"),
    ],
)
async def test_a_registration_that_cannot_be_is_refused(
    stranger: Client, change: dict[str, object], field: str
) -> None:
    refused = await _post(stranger, "/api/auth/register", FIRST | change)
    assert refused["http"] == 422
    assert [error["field"] for error in refused["errors"]] == [field]


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_sign_in(
    stranger: Client,
) -> None:
    first = await _register(stranger)
    refreshed = await _post(stranger, "/api/auth/refresh", {"refreshToken": first["refreshToken"]})
    assert refreshed["http"] == 200
    assert await _get(stranger, "/api/auth/me", refreshed["accessToken"]) == 200
    stolen = await _post(stranger, "/api/auth/refresh", {"refreshToken": first["refreshToken"]})
    assert (stolen["http"], stolen["code"]) == (401, "invalid_refresh_token")
    assert await _get(stranger, "/api/auth/me", refreshed["accessToken"]) == 401
    after = {"refreshToken": refreshed["refreshToken"]}
    assert (await _post(stranger, "/api/auth/refresh", after))["http"] == 401


async def test_a_guessed_refresh_token_ends_nothing(stranger: Client) -> None:
    dana = await _register(stranger)
    sign_in = dana["refreshToken"].partition(".")[0]
    guess = await _post(stranger, "/api/auth/refresh", {"refreshToken": f"{sign_in}.guess"})
    assert guess["http"] == 401
    assert await _get(stranger, "/api/auth/me", dana["accessToken"]) == 200


async def test_of_two_refreshes_at_once_at_most_one_works(stranger: Client) -> None:
    dana = await _register(stranger)
    body = {"refreshToken": dana["refreshToken"]}
    made = await asyncio.gather(*(_post(stranger, "/api/auth/refresh", body) for _ in range(4)))
    assert len([each for each in made if each["http"] == 200]) == 1


async def test_signing_out_ends_the_tokens_at_once(stranger: Client) -> None:
    dana = await _register(stranger)
    left = await _post(stranger, "/api/auth/logout", token=dana["accessToken"])
    assert left["http"] == 204
    assert await _get(stranger, "/api/auth/me", dana["accessToken"]) == 401
    body = {"refreshToken": dana["refreshToken"]}
    assert (await _post(stranger, "/api/auth/refresh", body))["http"] == 401


async def test_a_new_password_ends_the_other_sign_ins(stranger: Client) -> None:
    here = await _register(stranger)
    credentials = {"email": DANA["email"], "password": PASSWORD}
    elsewhere = await _post(stranger, "/api/auth/login", credentials)
    change = {"password": PASSWORD, "newPassword": "another long password"}
    wrong = change | {"password": "not it"}
    path, token = "/api/auth/password", here["accessToken"]
    assert (await _post(stranger, path, wrong, token=token))["http"] == 401
    assert (await _post(stranger, path, change, token=token))["http"] == 204
    assert await _get(stranger, "/api/auth/me", token) == 200
    assert await _get(stranger, "/api/auth/me", elsewhere["accessToken"]) == 401
    assert (await _post(stranger, "/api/auth/login", credentials))["http"] == 401


async def test_an_old_password_that_was_being_checked_does_not_outlive_the_change(
    stranger: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await _register(stranger)
    checked, changed = asyncio.Event(), asyncio.Event()
    matches = Passwords.matches

    async def slowly(self: Passwords, password: str, kept: str | None) -> bool:
        right = await matches(self, password, kept)
        if not checked.is_set():
            checked.set()
            await changed.wait()
        return right

    monkeypatch.setattr(Passwords, "matches", slowly)
    credentials = {"email": DANA["email"], "password": PASSWORD}
    login = asyncio.create_task(_post(stranger, "/api/auth/login", credentials))
    await checked.wait()
    change = {"password": PASSWORD, "newPassword": "another long password"}
    answer = await _post(stranger, "/api/auth/password", change, token=here["accessToken"])
    changed.set()
    assert (answer["http"], (await login)["http"]) == (204, 401)


async def test_tokens_that_are_not_ours_are_refused(stranger: Client) -> None:
    dana = await _register(stranger)
    real = dana["accessToken"]
    claims = jwt.decode(real, options={"verify_signature": False})
    sign_in = Claims(claims["sub"], claims["sid"])
    lifetime = timedelta(hours=1)
    forged = [
        real[:-4] + "AAAA",
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims | {"aud": "another"}, JWT_SECRET, algorithm="HS256"),
        AccessTokens("another secret of 32 characters…", lifetime).write(sign_in, utc_now()),
        AccessTokens(JWT_SECRET, lifetime).write(sign_in, utc_now() - timedelta(hours=2)),
        AccessTokens(JWT_SECRET, lifetime).write(Claims("admin", "no sign-in"), utc_now()),
        "a.b.c",
    ]
    assert [await _get(stranger, "/api/auth/me", each) for each in forged] == [401] * len(forged)
    assert await _get(stranger, "/api/auth/me", real) == 200


async def test_a_removed_user_is_out_at_once(stranger: Client, database: Database) -> None:
    dana = await _register(stranger)
    admin = {"Authorization": f"Bearer {dana['accessToken']}"}
    noa = await _post(stranger, "/api/auth/register", NOA, token=dana["accessToken"])
    theirs = {"Authorization": f"Bearer {noa['accessToken']}"}
    path = f"/api/users/{noa['user']['id']}"
    listed = await (await stranger.get("/api/users", headers=admin)).json()
    assert [each["email"] for each in listed["items"]] == [DANA["email"], NOA["email"]]
    assert (await stranger.get("/api/users", headers=theirs)).status == 403
    body = {"connectionId": "main"}
    await stranger.post("/api/whatsapp/connections", json=body, headers=theirs)
    assert (await stranger.delete(path, headers=admin)).status == 409
    await database["connections"].delete_many({"owner": noa["user"]["id"]})
    assert (await stranger.delete(path, headers=admin)).status == 204
    assert (await stranger.get("/api/auth/me", headers=theirs)).status == 401
    assert (await stranger.delete("/api/users/admin", headers=admin)).status == 403


async def test_a_key_is_shown_once_and_revoked_at_once(client: Client) -> None:
    body = {"name": "Backend", "scopes": ["send", "read"]}
    made = await (await client.post("/api/api-keys", json=body)).json()
    key = {"X-Api-Key": made["key"]}
    listed = await (await client.get("/api/api-keys")).json()
    assert {each["name"] for each in listed["items"]} == {"The first key", "Backend"}
    assert made["key"] not in str(listed)
    assert KEY not in str(listed)
    assert (await client.get("/api/whatsapp/connections", headers=key)).status == 200
    create = await client.post(
        "/api/whatsapp/connections", json={"connectionId": "main"}, headers=key
    )
    assert (create.status, (await create.json())["code"]) == (403, "forbidden")
    path = f"/api/api-keys/{made['id']}"
    assert (await client.delete(path)).status == 204
    assert (await client.get("/api/whatsapp/connections", headers=key)).status == 401
    assert (await client.delete(path)).status == 404


async def test_a_key_gives_no_scope_that_it_lacks(client: Client) -> None:
    body = {"name": "Manager", "scopes": ["manage"]}
    made = await (await client.post("/api/api-keys", json=body)).json()
    key = {"X-Api-Key": made["key"]}
    wish = {"name": "More", "scopes": ["send", "manage"]}
    assert (await client.post("/api/api-keys", json=wish, headers=key)).status == 403
    wish = {"name": "As much", "scopes": ["manage"]}
    assert (await client.post("/api/api-keys", json=wish, headers=key)).status == 201


async def test_keys_are_kept_as_hashes(client: Client, database: Database) -> None:
    made = await (await client.post("/api/api-keys", json={"name": "x", "scopes": ["read"]})).json()
    kept = [str(each) async for each in database["apiKeys"].find({})]
    assert made["key"] not in "".join(kept)
    assert KEY not in "".join(kept)


async def _is_from(database: Database, age: timedelta) -> None:
    """Make every sign-in this much older; it was used until now."""
    older = {"$set": {"createdAt": {"$subtract": ["$createdAt", age // timedelta(milliseconds=1)]}}}
    await database["signIns"].update_many({}, [older])


async def test_a_sign_in_ends_at_a_set_time_however_much_it_is_used(
    stranger: Client, database: Database, services: Services
) -> None:
    dana = await _register(stranger)
    longest = services.settings.sign_in_expires_in
    await _is_from(database, longest - timedelta(minutes=1))
    going_on = await _post(stranger, "/api/auth/refresh", {"refreshToken": dana["refreshToken"]})
    assert going_on["http"] == 200
    kept = await database["signIns"].find_one({})
    assert kept is not None
    assert kept["expiresAt"] <= kept["createdAt"] + longest

    await _is_from(database, timedelta(minutes=1))
    over = await _post(stranger, "/api/auth/refresh", {"refreshToken": going_on["refreshToken"]})
    assert (over["http"], over["code"]) == (401, "sign_in_expired")
    refused = await stranger.get(
        "/api/auth/me", headers={"Authorization": f"Bearer {going_on['accessToken']}"}
    )
    assert (refused.status, (await refused.json())["code"]) == (401, "sign_in_expired")
    assert "Bearer" in refused.headers["WWW-Authenticate"]
    again = {"email": DANA["email"], "password": PASSWORD}
    assert (await _post(stranger, "/api/auth/login", again))["http"] == 200


async def test_an_api_key_in_the_place_of_a_token_is_told_where_it_goes(stranger: Client) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    refused = await (await stranger.get("/api/auth/me", headers=headers)).json()
    assert refused["code"] == "unauthorized"
    assert "X-Api-Key" in refused["detail"]
