"""Every write of a connection's state on the real MongoDB follows the table of legal moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.model import Connection
from sessions.connections.states import MOVES, ConnectionState, Reason, needs_a_worker
from tests.builders import Stores

_S = ConnectionState
Write = Callable[[Stores, Connection, Lease], Awaitable[object]]


async def _start(stores: Stores, connection: Connection, lease: Lease) -> None:
    await stores.connections.want(connection, "running")


async def _stop(stores: Stores, connection: Connection, lease: Lease) -> None:
    await stores.connections.want(connection, "stopped")


async def _take_again(stores: Stores, connection: Connection, lease: Lease) -> None:
    await stores.leases("one").acquire(connection.id)


async def _give_back(stores: Stores, connection: Connection, lease: Lease) -> None:
    await stores.leases("one").release(lease, Reason.WAITING_FOR_WORKER)


@pytest.mark.parametrize("write", [_start, _stop, _take_again, _give_back])
@pytest.mark.parametrize("with_worker", [True, False])
async def test_no_write_leads_where_the_table_does_not(
    stores: Stores, write: Write, with_worker: bool
) -> None:
    for state in ConnectionState:
        connection, lease = await _leased(stores, state)
        changes: dict[str, object] = {
            "state": state,
            "qr": {"code": "a code", "expiresAt": utc_now()},
        }
        if not with_worker:
            changes["lease"] = None
        records = stores.database["connections"]
        await records.update_one({"_id": connection.id}, {"$set": changes})
        await write(stores, connection, lease)
        record = await records.find_one({"_id": connection.id})
        assert record is not None
        assert record["state"] in {state, *MOVES[state]}
        if record["state"] != state:
            assert record["qr"] is None


async def test_what_is_given_back_waits_for_a_worker_or_rests(stores: Stores) -> None:
    for state in ConnectionState:
        for desired in ("running", "stopped"):
            connection, lease = await _leased(stores, f"{state}-{desired}")
            changes = {"state": state, "desired": desired}
            await stores.database["connections"].update_one(
                {"_id": connection.id}, {"$set": changes}
            )
            await stores.leases("one").release(lease, Reason.WAITING_FOR_WORKER)
            after = (await stores.connections.get(connection.id)).state
            if not needs_a_worker(state):
                assert after is state
            else:
                assert after is (_S.STARTING if desired == "running" else _S.STOPPED)


async def test_the_writes_are_made_from_the_table(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions.connections.moves.origins", lambda to: [to])
    for write, state in ((_start, _S.STOPPED), (_take_again, _S.STOPPED), (_give_back, _S.SYNCING)):
        connection, lease = await _leased(stores, write.__name__)
        records = stores.database["connections"]
        await records.update_one({"_id": connection.id}, {"$set": {"state": state}})
        await write(stores, connection, lease)
        record = await records.find_one({"_id": connection.id})
        assert record is not None
        assert record["state"] == state


async def _leased(stores: Stores, connection_id: str) -> tuple[Connection, Lease]:
    connection = await stores.connection(connection_id)
    lease = await stores.leases("one").acquire(connection.id)
    assert lease is not None
    return connection, lease
