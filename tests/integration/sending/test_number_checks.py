"""Checks of numbers over real stores: asked once, remembered, counted, and bounded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp.test_utils import TestClient

from chatgrow_worker.connection.number_checks import AskedConnections, NumberChecks
from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import Snapshot
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from chatgrow_worker.sending.pacer import Pacer, Pause
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.pacing import Pacing
from sessions.connections.states import ConnectionState
from sessions.messages.paced_sends import PacedSends
from sessions.recipients.known_numbers import KnownNumber, KnownNumbers
from sessions.recipients.number_checks import NumberCheckRequests
from tests.builders import OWNER, TO, Stores
from tests.cases import in_one_test
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

PATH = "/api/whatsapp/connections/main/numbers"
OTHER = "972507654321@c.us"


@pytest.mark.parametrize(("scopes", "status"), [(["read", "manage"], 403), (["send"], 409)])
async def test_a_check_needs_a_key_that_may_send(
    client: Client, stores: Stores, scopes: list[str], status: int
) -> None:
    connection = await stores.connection()
    wish = {"name": "Backend", "scopes": scopes, "connectionIds": [connection.connection_id]}
    made = await (await client.post("/api/api-keys", json=wish)).json()
    asked = await client.get(f"{PATH}/+972501234567", headers={"X-Api-Key": made["key"]})
    # The connection is linked to no phone: whoever may ask is told so.
    code = "forbidden" if status == 403 else "wrong_state"
    assert (asked.status, (await asked.json())["code"]) == (status, code)
    assert await stores.database["numberChecks"].count_documents({}) == 0


@dataclass
class PageDouble:
    """A page that can tell, and may lose its line."""

    accounts: dict[str, str] = field(default_factory=lambda: {TO: TO})
    asked: list[str] = field(default_factory=list)
    online: bool = True
    fails: bool = False

    async def account_of(self, chat_id: str) -> str | None:
        self.asked.append(chat_id)
        if self.fails:
            raise PageCallError("NetworkError", None, "the connection broke")
        return self.accounts.get(chat_id)

    async def snapshot(self) -> Snapshot:
        return Snapshot(
            epoch="e",
            ready=True,
            full_ready=True,
            authenticated=True,
            online=self.online,
            idle=False,
            needs_update=False,
            mode="MAIN",
            info="NORMAL",
            stream="CONNECTED",
            me=None,
        )


@dataclass
class Owner:
    """The worker that has the connection."""

    stores: Stores
    lease: Lease
    page: PageDouble
    checks: NumberChecks
    requests: NumberCheckRequests

    async def ask(
        self, client: Client, phone: str = "+972501234567", owner: str = OWNER
    ) -> dict[str, Any]:
        """Ask through the API, and answer as the worker."""
        asking = asyncio.create_task(client.get(f"{PATH}/{phone}", params={"owner": owner}))
        await until(self._answered)
        answer = await asking
        told: dict[str, Any] = await answer.json()
        return {"http": answer.status, "retryAfter": answer.headers.get("Retry-After"), **told}

    async def _answered(self) -> bool:
        return await self.checks.answer_next()

    async def pace(self, pacing: Pacing) -> None:
        connection = await self.stores.connections.get(self.lease.connection)
        await self.stores.connections.change(
            connection, {"pacing": pacing.model_dump(by_alias=True)}
        )


@pytest.fixture
async def owner(stores: Stores) -> Owner:
    return await _owner(stores, OWNER)


async def _owner(stores: Stores, owner: str) -> Owner:
    connection, lease = await stores.leased(owner=owner)
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    requests, page = NumberCheckRequests(stores.database), PageDouble()
    checks = _checks(stores, page, connection.id, AskedConnections(requests, timedelta(0)), owner)
    return Owner(stores, lease, page, checks, requests)


def _checks(
    stores: Stores,
    page: PageDouble,
    connection: str,
    asked: AskedConnections,
    owner: str = OWNER,
) -> NumberChecks:
    sends = PacedSends(stores.queue, connection, utc_now)
    return NumberChecks(
        page=cast("WhatsAppPage", page),
        requests=NumberCheckRequests(stores.database),
        numbers=KnownNumbers(stores.database).of(owner),
        connections=stores.connections,
        asked=asked,
        pacer=Pacer(sends, utc_now),
        sends=sends,
        connection=connection,
        now=utc_now,
    )


async def test_both_answers_are_told_and_remembered(client: Client, owner: Owner) -> None:
    there = await owner.ask(client, "+972 50-123-4567")
    assert (there["http"], there["exists"], there["chatId"]) == (200, True, TO)
    assert (await owner.ask(client, OTHER))["exists"] is False
    for phone, told in (
        (TO, {"exists": True, "to": TO, "chatId": TO}),
        (OTHER, {"exists": False, "to": OTHER}),
    ):
        assert await (await client.get(f"{PATH}/{phone}")).json() == told
    assert owner.page.asked == [TO, OTHER]


@pytest.mark.parametrize("account", [TO, None])
async def test_who_is_erased_while_whatsapp_is_asked_is_not_remembered(
    services: Services, owner: Owner, database: Database, account: str | None
) -> None:
    connection = await owner.stores.connections.get(owner.lease.connection)
    await services.checks.ask(connection.id, TO)
    ask = owner.page.account_of

    async def erase_meanwhile(chat_id: str) -> str | None:
        await ask(chat_id)
        await services.erasures.erase(OWNER, TO)
        return account

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner.page, "account_of", erase_meanwhile)
        assert await owner.checks.answer_next()
    assert owner.page.asked == [TO]
    for name in ("numberChecks", "knownNumbers"):
        assert await database[name].count_documents({}) == 0, name


async def test_the_id_that_whatsapp_answers_is_told_and_remembered(
    client: Client, owner: Owner
) -> None:
    asked, account = "5511987654321@c.us", "551187654321@c.us"
    owner.page.accounts[asked] = account
    told = await owner.ask(client, "+5511987654321")
    assert (told["exists"], told["to"], told["chatId"]) == (True, asked, account)
    again = await (await client.get(f"{PATH}/+5511987654321")).json()
    assert again == {"exists": True, "to": asked, "chatId": account}
    assert owner.page.asked == [asked]


@pytest.mark.parametrize(("no_for", "forgotten"), [(10, True), (120, False)])
async def test_a_no_is_forgotten_sooner_than_a_yes(
    stores: Stores, database: Any, no_for: int, forgotten: bool
) -> None:
    numbers = KnownNumbers(stores.database, timedelta(minutes=no_for)).of(OWNER)
    await numbers.remember(TO, TO)
    await numbers.remember(OTHER, None)
    earlier = utc_now() - timedelta(hours=1)
    await database["knownNumbers"].update_many({}, {"$set": {"checkedAt": earlier}})
    assert await numbers.find(TO) == KnownNumber(exists=True, chat_id=TO)
    assert await numbers.find(OTHER) == KnownNumber(exists=None if forgotten else False)


async def test_what_an_earlier_version_remembered_without_the_id_is_asked_again(
    stores: Stores, database: Any
) -> None:
    both = {"owner": OWNER, "number": TO}
    for each in (TO, both):
        answered = {"_id": each, "checkedAt": utc_now(), "exists": True}
        await database["knownNumbers"].insert_one(answered)
    assert await KnownNumbers(stores.database).of(OWNER).find(TO) == KnownNumber()


async def test_what_one_owner_was_told_is_not_told_to_another(
    client: Client, services: Services, stores: Stores, owner: Owner
) -> None:
    """Who is answered at once, and without a question to WhatsApp, learns who was asked about."""
    dana = await services.users.create("dana@example.com", "Dana", "no hash", utc_now())
    theirs = await _owner(stores, dana.id)
    for phone in (TO, OTHER):
        await owner.ask(client, phone)
    told = [await theirs.ask(client, phone, dana.id) for phone in (TO, OTHER)]
    assert [each["exists"] for each in told] == [True, False]
    assert theirs.page.asked == [TO, OTHER]


async def test_who_asks_for_the_same_number_together_asks_whatsapp_once(
    client: Client, owner: Owner
) -> None:
    asking = [asyncio.create_task(client.get(f"{PATH}/{TO}")) for _ in range(3)]
    for _ in asking:
        await until(owner.checks.answer_next)
    assert [answer.status for answer in await asyncio.gather(*asking)] == [200] * 3
    assert owner.page.asked == [TO]


async def test_an_error_and_a_lost_line_are_no_answers(client: Client, owner: Owner) -> None:
    owner.page.fails = True
    failed = await owner.ask(client)
    assert (failed["http"], failed["code"]) == (503, "number_check_failed")
    owner.page.fails, owner.page.online = False, False
    owner.page.accounts.clear()
    assert (await owner.ask(client))["code"] == "number_check_failed"
    owner.page.online = True
    owner.page.accounts[TO] = TO
    assert (await owner.ask(client))["exists"] is True


async def test_a_check_counts_as_much_as_a_message(client: Client, owner: Owner) -> None:
    await owner.pace(Pacing(per_minute=2, jitter_seconds=(0, 0)))
    pacing, _ = await owner.stores.connections.pace_of(owner.lease.connection)

    async def pause() -> Pause | None:
        sends = PacedSends(owner.stores.queue, owner.lease.connection, utc_now)
        return await Pacer(sends, utc_now).pause(pacing)

    await owner.ask(client, TO)
    assert await pause() is None
    await owner.ask(client, OTHER)
    assert await pause() is not None
    refused = await owner.ask(client, "972507777777")
    assert (refused["http"], refused["code"]) == (429, "pace_limited")
    assert refused["reason"] == "rate_limited_per_minute"
    assert refused["retryAfter"] == str(refused["retryAfterSeconds"])
    assert owner.page.asked == [TO, OTHER]


async def test_a_pause_that_whatsapp_brought_holds_checks_too(client: Client, owner: Owner) -> None:
    until_then = utc_now() + timedelta(minutes=10)
    await owner.stores.connections.pause(owner.lease, until_then, "timelock")
    refused = await owner.ask(client)
    assert (refused["code"], refused["reason"]) == ("pace_limited", "timelock")
    assert 500 < refused["retryAfterSeconds"] <= 600


async def test_what_cannot_send_cannot_ask(client: Client, owner: Owner) -> None:
    await owner.stores.connections.move(
        owner.lease, ConnectionState.CONNECTED, ConnectionState.DISCONNECTED, None
    )
    answer = await client.get(f"{PATH}/{TO}")
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (409, "wrong_state")
    assert problem["state"] == "disconnected"


@in_one_test("phone", ["12", "123-456@g.us", "77777777@lid", "a", "%20"])
async def test_only_a_phone_number_can_be_checked(client: Client, owner: Owner, phone: str) -> None:
    answer = await client.get(f"{PATH}/{phone}")
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "phone"


async def test_a_worker_that_does_not_answer_is_not_waited_for_for_ever(
    client: Client, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_api.routes.numbers.ANSWERED_WITHIN", timedelta(seconds=0.3))
    answer = await client.get(f"{PATH}/{TO}")
    assert (answer.status, (await answer.json())["code"]) == (504, "number_check_timed_out")
    assert not await owner.checks.answer_next(), "nobody waits for it any more"


async def test_a_bell_is_not_waited_for_and_one_that_is_lost_costs_a_while(owner: Owner) -> None:
    """MongoDB is asked for all connections at once, now and then: most are asked nothing."""
    mine, seldom = owner.lease.connection, AskedConnections(owner.requests, timedelta(days=1))
    assert not await seldom.has(mine)
    rung, unheard = (_checks(owner.stores, owner.page, mine, seldom) for _ in range(2))
    for checks in (rung, unheard):
        assert not await checks.answer_next(), "nothing is asked yet"
    await owner.requests.ask(mine, TO)
    assert not await unheard.answer_next(), "it is not time to ask yet"
    rung.ring()
    assert await rung.answer_next()
    await owner.requests.ask(mine, OTHER)
    assert await rung.answer_next(), "where one was asked there may be more"
    assert not await rung.answer_next()

    await owner.requests.ask("another", TO)
    await owner.requests.ask(mine, OTHER)
    often = AskedConnections(owner.requests, timedelta(0))
    assert (await often.has(mine), await often.has("another")) == (True, True)
    assert not await often.has("nobody's")
    assert not await seldom.has(mine)
    assert owner.page.asked == [TO, OTHER]


async def test_the_latest_of_messages_and_checks_are_found_in_their_order(
    stores: Stores, database: Any
) -> None:
    start = utc_now()
    kinds = "mcmmcccmmmmcm"
    times = [start + timedelta(seconds=place) for place in range(len(kinds))]
    for kind, at in zip(kinds, times, strict=True):
        name = "messages" if kind == "m" else "numberChecks"
        await database[name].insert_one({"connection": "c", "pacedAt": at})
    await database["messages"].insert_one({"connection": "other", "pacedAt": start})
    sends = PacedSends(stores.queue, "c", utc_now)
    found: list[datetime | None] = [await sends.nth_latest(n) for n in range(1, len(kinds) + 3)]
    assert found == [*reversed(times), None, None]
