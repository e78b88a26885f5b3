"""Commands on the real stores: which are taken, which are one, and which outlive their worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient

from sessions.common.errors import LeaseLostError
from sessions.connections.commands import CommandRequests
from sessions.connections.leases import Renewal
from sessions.connections.states import Command, ConnectionState, Reason
from tests.builders import Stores

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

MAIN = "/api/whatsapp/connections/main"


@pytest.fixture
def requests(stores: Stores) -> CommandRequests:
    return CommandRequests(stores.database)


async def _asked(client: Client, what: str) -> dict[str, Any]:
    async with client.post(f"{MAIN}/{what}") as answer:
        told: dict[str, Any] = await answer.json()
        return {"http": answer.status, **told}


async def test_a_restart_starts_what_rests_and_is_no_command_then(
    client: Client, stores: Stores, requests: CommandRequests
) -> None:
    connection = await stores.connection()
    await stores.connections.want(connection, "stopped")
    restarted = await _asked(client, "restart")
    assert (restarted["http"], restarted["state"]) == (202, "starting")
    assert await requests.pending(connection.id) is None


async def test_restarts_that_are_asked_for_while_one_is_under_way_are_one(
    client: Client, stores: Stores, requests: CommandRequests
) -> None:
    connection, lease = await stores.leased()
    await _asked(client, "restart")
    assert await requests.pending(connection.id) is None, "it is starting as it is"
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    await _asked(client, "restart")
    first = await requests.pending(connection.id)
    assert first is not None
    await _asked(client, "restart")
    assert await requests.pending(connection.id) == first
    assert await stores.leases().renew(lease) is Renewal.COMMANDED
    await requests.restarted(lease, first)
    assert await stores.leases().renew(lease) is Renewal.KEPT


async def test_a_restart_is_done_by_the_next_owner_too(
    stores: Stores, requests: CommandRequests
) -> None:
    connection, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    await requests.restart(connection.id)
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    assert await stores.leases("two").acquire(connection.id) is not None
    assert await requests.pending(connection.id) is None


async def test_a_stop_comes_before_a_restart(stores: Stores, requests: CommandRequests) -> None:
    connection, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    await requests.restart(connection.id)
    await stores.connections.want(connection, "stopped")
    assert await stores.leases().renew(lease) is Renewal.UNWANTED


async def test_a_logout_of_what_rests_is_taken_by_a_worker(
    client: Client, stores: Stores, requests: CommandRequests
) -> None:
    connection = await stores.connection()
    await stores.connections.want(connection, "stopped")
    assert await stores.leases().acquire() is None
    assert (await _asked(client, "logout"))["http"] == 202
    lease = await stores.leases().acquire(only_leaving=True)
    assert lease is not None
    # It was not asked to run, but its owner may not leave before this is done.
    assert await stores.leases().renew(lease) is Renewal.COMMANDED
    assert await requests.note(lease, Reason.LOGGED_OUT_BY_REQUEST) is Command.LOGOUT
    await stores.connections.move(
        lease,
        ConnectionState.STARTING,
        ConnectionState.LOGGED_OUT,
        Reason.LOGGED_OUT_BY_REQUEST,
    )
    await requests.logged_out(lease)
    assert await stores.leases().renew(lease) is Renewal.UNWANTED
    after = await stores.connections.get(connection.id)
    assert (after.linked_number, after.forgotten_generation) == (None, lease.generation)
    refused = await _asked(client, "logout")
    assert (refused["http"], refused["code"]) == (409, "wrong_state")
    assert (refused["state"], refused["reason"]) == ("logged_out", "logged_out_by_request")
    assert (await _asked(client, "restart"))["code"] == "wrong_state"


async def test_a_start_during_a_logout_counts_after_it(
    client: Client, stores: Stores, requests: CommandRequests
) -> None:
    connection, lease = await stores.leased()
    await _asked(client, "logout")
    await _asked(client, "start")
    await requests.note(lease, Reason.LOGGED_OUT_BY_REQUEST)
    await requests.logged_out(lease)
    assert await stores.leases().renew(lease) is Renewal.KEPT
    assert (await stores.connections.get(connection.id)).desired == "running"


async def test_what_happened_in_a_logout_is_known_to_the_next_owner(
    stores: Stores, requests: CommandRequests
) -> None:
    connection, lease = await stores.leased()
    await requests.log_out(connection.id)
    await requests.note(lease, Reason.LOGGED_OUT_BY_REQUEST)
    await requests.log_out(connection.id)
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    assert await stores.leases("two").acquire(connection.id) is not None
    pending = await requests.pending(connection.id)
    assert pending is not None
    assert pending.outcome is Reason.LOGGED_OUT_BY_REQUEST
    for late in (requests.note(lease, Reason.STILL_LISTED), requests.logged_out(lease)):
        with pytest.raises(LeaseLostError):
            await late


async def test_a_logout_takes_the_place_of_a_restart(
    stores: Stores, requests: CommandRequests
) -> None:
    connection, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    await requests.restart(connection.id)
    restart = await requests.pending(connection.id)
    assert restart is not None
    await requests.log_out(connection.id)
    await requests.restarted(lease, restart)
    await requests.restart(connection.id)
    pending = await requests.pending(connection.id)
    assert pending is not None
    assert pending.name is Command.LOGOUT


async def test_what_waits_for_a_scan_cannot_be_logged_out(client: Client, stores: Stores) -> None:
    _, lease = await stores.leased()
    await stores.connections.move(
        lease, ConnectionState.STARTING, ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN
    )
    refused = await _asked(client, "logout")
    assert (refused["http"], refused["code"]) == (409, "wrong_state")
    assert (refused["state"], refused["reason"]) == ("awaiting_scan", "qr_shown")


@pytest.mark.parametrize("what", ["restart", "logout"])
async def test_there_must_be_a_connection(client: Client, what: str) -> None:
    told = await _asked(client, what)
    assert (told["http"], told["code"]) == (404, "connection_not_found")
