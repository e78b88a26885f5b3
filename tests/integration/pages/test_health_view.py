"""The view of health in a real browser: what it says is no better than what is true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient
from playwright.async_api import expect

from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.states import ConnectionState, Reason
from sessions.whatsapp.breaker import Cause
from tests.builders import OWNER, Stores, whatsapp_breaker
from tests.integration.pages.dashboard import dashboard
from tests.people import PageSession, Person, go_to

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

_S = ConnectionState


@pytest.fixture(autouse=True)
async def live_worker(database: Database) -> None:
    """Let a worker be alive, so that it is the connections that count."""
    worker = {"running": 1, "capacity": 9, "seenAt": datetime(2100, 1, 1, tzinfo=UTC)}
    await database["workers"].insert_one({"_id": "one", **worker})


async def _connected(stores: Stores, connection_id: str = "main") -> Lease:
    connection = await stores.connection(connection_id)
    lease = await stores.leases().acquire(connection.id)
    assert lease is not None
    await stores.connections.move(lease, _S.STARTING, _S.CONNECTED, None, "+972501234567")
    return lease


async def _says(seen: PageSession, verdict: str, tone: str, names: str = "") -> None:
    """Go to the view of health, and find this there.

    That nothing keeps people out is looked at once for each tone, with a name in the verdict and
    without.
    """
    await go_to(seen.page, "Health")
    told = seen.page.locator(f"[data-verdict={verdict}][data-tone={tone}]")
    await expect(told).to_contain_text(names)
    assert seen.complaints == []


async def _is_for_everybody(seen: PageSession) -> None:
    assert await seen.barriers() == []
    assert seen.complaints == []


_OPERATOR = "whoever runs the server"


@pytest.mark.parametrize(
    "reasons",
    [
        {
            Reason.PAGE_UNREACHABLE: "nobody, it goes on by itself",
            Reason.DISK_FULL: _OPERATOR,
            Reason.WHATSAPP_CHANGED: _OPERATOR,
        },
        pytest.param(
            {
                Reason.DISK_READ_ONLY: _OPERATOR,
                Reason.DISK_UNUSABLE: _OPERATOR,
                Reason.KEY_MISSING: _OPERATOR,
            },
            marks=pytest.mark.slow,
        ),
    ],
    ids=["some reasons", "the others"],
)
async def test_without_a_connection_that_is_connected_nothing_is_well(
    client: Client, person: Person, stores: Stores, reasons: dict[Reason, str]
) -> None:
    lease, before = await _connected(stores), _S.CONNECTED
    async with dashboard(client, person) as seen:
        for reason, acts in reasons.items():
            await stores.connections.move(lease, before, _S.DISCONNECTED, reason)
            before = _S.DISCONNECTED
            await seen.page.goto(str(client.make_url("/dashboard")))
            await expect(seen.page.locator("[data-acts]")).to_have_text(acts)
            await _says(seen, "none_connected", "bad", "Main")


async def test_what_connections_do_is_told(client: Client, person: Person, stores: Stores) -> None:
    move = stores.connections.move
    async with dashboard(client, person) as seen:
        await _says(seen, "idle", "good")
        lease = await _connected(stores)
        await _says(seen, "good", "good", "Messages can be accepted and sent")
        await _is_for_everybody(seen)
        # One that sends without confirmation is not away.
        await move(lease, _S.CONNECTED, _S.DEGRADED, Reason.SENDS_UNACKNOWLEDGED)
        await _says(seen, "unconfirmed", "warn", "Main")
        await _is_for_everybody(seen)
        # One that comes up is no fault.
        await move(lease, _S.DEGRADED, _S.STARTING, Reason.BROWSER_STARTING)
        await stores.message(await stores.connections.get(lease.connection))
        await _says(seen, "coming_up", "warn", "Main")


async def test_one_of_two_that_is_away_is_named(
    client: Client, person: Person, stores: Stores
) -> None:
    await _connected(stores, "other")
    lease, before = await _connected(stores), _S.CONNECTED
    async with dashboard(client, person) as seen:
        for reason, verdict, tone in (
            (Reason.NETWORK_DOWN, "away", "warn"),
            (Reason.DISK_FULL, "connections", "bad"),
        ):
            await stores.connections.move(lease, before, _S.DISCONNECTED, reason)
            before = _S.DISCONNECTED
            await _says(seen, verdict, tone, "Main")


@pytest.mark.parametrize(("disk", "tone"), [("disk_low", "warn"), ("disk_full", "bad")])
async def test_a_disk_without_room_is_told(
    client: Client, person: Person, stores: Stores, disk: str, tone: str
) -> None:
    await _connected(stores)
    await stores.database["workers"].update_one({"_id": "one"}, {"$set": {"disk": disk}})
    async with dashboard(client, person) as seen:
        await _says(seen, disk, tone)
        await _is_for_everybody(seen)
        await expect(seen.page.locator("[data-part=disk] [data-state]")).to_have_attribute(
            "data-state", disk
        )


async def test_a_change_of_whatsapp_web_comes_before_what_it_does_to_connections(
    client: Client, person: Person, stores: Stores
) -> None:
    lease = await _connected(stores)
    breaker = whatsapp_breaker(stores.database)
    await breaker.report(lease, OWNER, Cause.FUNCTION_MISSING, "missing: send", None)
    await stores.connections.move(lease, _S.CONNECTED, _S.DISCONNECTED, Reason.WHATSAPP_CHANGED)
    async with dashboard(client, person) as seen:
        rows = seen.page.locator(".rows, main").first
        await expect(rows).to_contain_text("changed its web page")
        await _says(seen, "changed", "bad", "none fails for it")


async def test_a_phone_that_was_never_linked_is_missed_only_by_what_waits(
    client: Client, person: Person, stores: Stores
) -> None:
    typed = "+972501234567"
    connection = await stores.connections.create(OWNER, "main", "Main", typed, utc_now())
    lease = await stores.leases().acquire(connection.id)
    assert lease is not None
    await stores.connections.move(lease, _S.STARTING, _S.AWAITING_SCAN, Reason.QR_SHOWN)
    async with dashboard(client, person) as seen:
        await _says(seen, "none_connected", "warn", "Main")
        await stores.message(connection)
        await _says(seen, "none_connected", "bad", "Main")


async def test_of_many_connections_in_need_some_are_named_each_in_its_own_direction(
    client: Client, person: Person, stores: Stores
) -> None:
    await _connected(stores)
    for number in range(7):
        lease = await _connected(stores, f"away_{number}")
        connection = await stores.connections.get(lease.connection)
        await stores.connections.change(connection, {"name": f"קבלה {number}"})
        await stores.connections.move(lease, _S.CONNECTED, _S.DISCONNECTED, Reason.DISK_FULL)
    async with dashboard(client, person) as seen:
        await _says(seen, "connections", "bad", "\u2068קבלה 4\u2069 and 2 more")
        await _is_for_everybody(seen)


async def test_a_message_of_a_banned_account_says_so_and_until_when(
    client: Client, person: Person, stores: Stores
) -> None:
    lease = await _connected(stores)
    until = utc_now() + timedelta(days=2)
    banned = (_S.CONNECTED, _S.DISCONNECTED, Reason.TEMPORARILY_BANNED)
    await stores.connections.move(lease, *banned, until=until)
    await stores.message(await stores.connections.get(lease.connection))
    async with dashboard(client, person, view="/messages") as seen:
        page = seen.page
        row = page.locator("tbody tr, li").filter(has_text="Waiting").first
        await expect(row).to_contain_text("WhatsApp has banned this account for a while (until")
        await row.click()
        told = page.locator("#message [data-why]")
        await expect(told).to_contain_text("WhatsApp has banned this account for a while (until")
        await expect(told).not_to_contain_text("banned the account")
        await _is_for_everybody(seen)


async def test_the_numbers_beside_a_chart_are_whole(
    client: Client, person: Person, stores: Stores
) -> None:
    owners = [{"owner": OWNER, "queued": 280_000, "oldestSeconds": 60, "sent": 0, "failed": 0}]
    sample = {"at": utc_now(), "owners": owners}
    await stores.database["queueHistory"].insert_one(sample)
    async with dashboard(client, person, view="/health") as seen:
        page = seen.page
        label = page.locator(".chart-label", has_text="300,000")
        chart = page.locator("svg", has=label)
        await expect(label).to_be_visible()
        starts, edge = await label.bounding_box(), await chart.bounding_box()
        assert starts is not None
        assert edge is not None
        assert starts["x"] >= edge["x"]
        await _is_for_everybody(seen)
