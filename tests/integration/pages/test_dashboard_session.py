"""People sign in to the dashboard: the cookie, what it proves and what it does not, signing out."""

from __future__ import annotations

import re
from datetime import timedelta
from http.cookies import Morsel
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.credentials.access_tokens import Claims
from control_api.services import Services
from sessions.common.clock import utc_now
from tests.integration.conftest import KEY
from tests.integration.services import services_with

if TYPE_CHECKING:
    from aiohttp import ClientResponse, web

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

PASSWORD = "correct horse battery staple"
DANA = {"email": "dana@example.com", "password": PASSWORD, "name": "Dana"}
SIGN_IN = "/dashboard/sign-in"
LIST = "/api/whatsapp/connections"
FORM = "application/x-www-form-urlencoded"
NEW = {"connectionId": "main"}


async def _sign_in(client: Client, **changed: str) -> ClientResponse:
    first = DANA | {"setupToken": KEY}
    return await client.post(SIGN_IN, data=first | changed, allow_redirects=False)


def _cookie(answer: ClientResponse) -> Morsel[str]:
    return answer.cookies["session"]


async def _csrf(client: Client) -> str:
    page = await (await client.get("/dashboard")).text()
    found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


async def _create(client: Client, **headers: str) -> tuple[int, Any]:
    answer = await client.post(LIST, json=NEW, headers=headers)
    return answer.status, (await answer.json()).get("code")


@pytest.fixture
async def dana(stranger: Client) -> Client:
    """Sign in the first administrator."""
    assert (await _sign_in(stranger)).status == 303
    return stranger


async def test_the_first_visitor_becomes_the_administrator_and_the_next_signs_in(
    stranger: Client,
) -> None:
    asked = await stranger.get("/dashboard/messages", allow_redirects=False)
    assert (asked.status, asked.headers["Location"]) == (303, "../dashboard/sign-in?view=messages")
    assert "Create my account" in await (await stranger.get(SIGN_IN)).text()
    assert (await _sign_in(stranger, password="short")).status == 422
    entered = await _sign_in(stranger, view="messages")
    assert (entered.status, entered.headers["Location"]) == (303, "../dashboard/messages")
    me = await (await stranger.get("/api/auth/me")).json()
    assert (me["role"], me["user"]["name"]) == ("admin", "Dana")
    stranger.session.cookie_jar.clear()
    assert "Create my account" not in await (await stranger.get(SIGN_IN)).text()


async def test_scripts_cannot_read_the_cookie_and_other_sites_cannot_send_it(
    stranger: Client,
) -> None:
    cookie = _cookie(await _sign_in(stranger))
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"]) == ("Strict", "/")
    assert not cookie["secure"]
    assert int(cookie["max-age"]) == timedelta(days=7).total_seconds()


async def test_over_https_the_cookie_is_for_https_only(services: Services) -> None:
    settings = services.settings.model_copy(
        update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
    )
    app = build_app(services_with(services, settings=settings))
    async with TestClient(TestServer(app)) as client:
        first = DANA | {"setupToken": KEY}
        https = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        answer = await client.post(SIGN_IN, data=first, headers=https, allow_redirects=False)
    assert _cookie(answer)["secure"] is True


async def test_the_cookie_opens_the_api_and_changes_need_the_pages_token(dana: Client) -> None:
    assert (await dana.get(LIST)).status == 200
    assert await _create(dana) == (403, "csrf")
    assert await _create(dana, **{"X-CSRF-Token": "0" * 64}) == (403, "csrf")
    token = {"X-CSRF-Token": await _csrf(dana)}
    assert await _create(dana, **token, Origin="https://evil.example") == (403, "csrf")
    assert await _create(dana, **token, **{"Sec-Fetch-Site": "cross-site"}) == (403, "csrf")
    assert await _create(dana, **token) == (201, None)


async def test_the_token_of_one_sign_in_is_none_of_another(dana: Client) -> None:
    token = await _csrf(dana)
    assert (await _sign_in(dana)).status == 303
    assert await _csrf(dana) != token
    assert await _create(dana, **{"X-CSRF-Token": token}) == (403, "csrf")


async def test_a_key_counts_before_the_cookie_and_needs_no_token(dana: Client) -> None:
    assert await _create(dana, **{"X-Api-Key": KEY}) == (201, None)
    assert (await dana.get(LIST, headers={"X-Api-Key": "wrong"})).status == 401


async def test_what_is_open_stays_open_with_a_cookie(dana: Client) -> None:
    credentials = {"email": DANA["email"], "password": PASSWORD}
    assert (await dana.post("/api/auth/login", json=credentials)).status == 200
    # Nobody is let in by a request that another site may have made.
    noa = credentials | {"email": "noa@example.com"}
    assert (await dana.post("/api/auth/register", json=noa)).status == 403


async def test_signing_out_ends_the_session_wherever_its_cookie_has_gone(dana: Client) -> None:
    (kept,) = (each.value for each in dana.session.cookie_jar if each.key == "session")
    await dana.post("/dashboard/sign-out", data={"csrf": "forged"})
    assert (await dana.get(LIST)).status == 200
    token = await _csrf(dana)
    left = await dana.post("/dashboard/sign-out", data={"csrf": token}, allow_redirects=False)
    assert (left.status, left.headers["Location"]) == (303, "../dashboard/sign-in")
    assert _cookie(left).value == ""
    stolen = await dana.get(LIST, headers={"Cookie": f"session={kept}"})
    assert stolen.status == 401


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"{}", "application/json", 415),
        (b"&".join(b"a%d=1" % number for number in range(100)), FORM, 400),
        (b"email=%ff%00&password=%", FORM, 401),
    ],
)
async def test_what_is_no_form_is_refused_in_words(
    dana: Client, body: bytes, media_type: str, status: int
) -> None:
    headers = {"Content-Type": media_type}
    async with dana.post("/dashboard/sign-in", data=body, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (status, "text/html")


async def test_who_fails_to_sign_in_learns_nothing_of_who_can(dana: Client) -> None:
    dana.session.cookie_jar.clear()
    told = []
    for email in (DANA["email"], "nobody@example.com"):
        answer = await _sign_in(dana, email=email, password="wrong password")
        assert answer.status == 401
        assert "session" not in answer.cookies
        told.append((await answer.text()).replace(email, ""))
    assert told[0] == told[1]
    assert "is wrong" in told[0]
    assert "wrong password" not in told[0]


async def test_who_guesses_is_told_to_wait(dana: Client) -> None:
    for _ in range(5):
        await _sign_in(dana, password="wrong password")
    answer = await _sign_in(dana)
    assert answer.status == 429
    assert "Wait 15 min" in await answer.text()


async def test_another_site_cannot_sign_somebody_in(dana: Client) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await dana.post(SIGN_IN, data=DANA, headers=headers, allow_redirects=False)
    assert (answer.status, "session" in answer.cookies) == (403, False)


async def test_who_comes_from_another_site_is_still_signed_in(stranger: Client) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert 'http-equiv="refresh"' in await (await stranger.get(SIGN_IN, headers=cross)).text()
    assert 'http-equiv="refresh"' not in await (await stranger.get(SIGN_IN)).text()


async def test_a_session_that_is_used_goes_on(dana: Client, services: Services) -> None:
    assert "session" not in (await dana.get(LIST)).cookies
    now = utc_now()
    sign_in = await services.sign_ins.start("admin", now, now + timedelta(days=1))
    old = services.tokens.write(Claims("admin", sign_in.id), now - timedelta(days=2))
    dana.session.cookie_jar.clear()
    answer = await dana.get(LIST, headers={"Cookie": f"session={old}"})
    renewed = services.tokens.read(_cookie(answer).value)
    assert renewed.sign_in == sign_in.id
    assert renewed.issued_at is not None
    assert renewed.issued_at > now - timedelta(minutes=1)
    assert await services.sign_ins.is_alive(sign_in.id, now + timedelta(days=20))


async def test_a_page_that_does_not_exist_says_so_in_words(dana: Client) -> None:
    answer = await dana.get("/dashboard/nothing")
    assert (answer.status, answer.content_type) == (404, "text/html")


@pytest.mark.parametrize("path", ["dashboard", "dashboard/messages", "provider/customers", "docs"])
async def test_a_slash_behind_the_address_of_a_page_does_not_matter(
    dana: Client, path: str
) -> None:
    slash = await dana.get(f"/{path}/", allow_redirects=False)
    up = "../" * (path.count("/") + 1)
    assert (slash.status, slash.headers["Location"]) == (303, f"{up}{path}")


async def test_a_session_that_is_used_ends_at_a_set_time_all_the_same(
    dana: Client, services: Services, database: Database
) -> None:
    now, longest = utc_now(), services.settings.sign_in_expires_in
    sign_in = await services.sign_ins.start("admin", now - longest / 2, now + timedelta(days=1))
    old = services.tokens.write(Claims("admin", sign_in.id), now - timedelta(days=2))
    dana.session.cookie_jar.clear()
    cookie = {"Cookie": f"session={old}"}
    assert "session" in (await dana.get(LIST, headers=cookie)).cookies
    kept = await database["signIns"].find_one({"_id": sign_in.id})
    assert kept is not None
    assert kept["expiresAt"] <= kept["createdAt"] + longest

    older = {"createdAt": now - longest}
    await database["signIns"].update_one({"_id": sign_in.id}, {"$set": older})
    refused = await dana.get(LIST, headers=cookie)
    assert (refused.status, (await refused.json())["code"]) == (401, "sign_in_expired")
    page = await dana.get("/dashboard", headers=cookie, allow_redirects=False)
    assert page.headers["Location"] == "./dashboard/sign-in?view=connections"
