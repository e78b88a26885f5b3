"""Reports of a connection's state while MongoDB takes some and fails to say so."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import AutoReconnect, WTimeoutError

from chatgrow_worker.connection.state_reporter import StateReporter
from sessions.common.errors import IllegalMoveError
from sessions.connections.states import ConnectionState, Reason
from sessions.storage.mongo import STORE_DOWN
from tests.builders import Stores

S = ConnectionState


@pytest.fixture
def unsure(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have moves taken and not confirmed, until the patch is undone."""
    move = stores.connections.move

    async def taken_and_not_confirmed(*args: Any, **named: Any) -> None:
        await move(*args, **named)
        raise WTimeoutError("waiting for replication timed out")

    monkeypatch.setattr(stores.connections, "move", taken_and_not_confirmed)
    return monkeypatch


async def test_where_a_connection_rests_may_be_said_again(
    stores: Stores, unsure: pytest.MonkeyPatch
) -> None:
    connection, lease = await stores.leased()
    reporter = StateReporter(stores.connections, lease)
    with pytest.raises(STORE_DOWN):
        await reporter.rest(S.LOGGED_OUT, Reason.UNLINKED)
    unsure.undo()
    await reporter.rest(S.LOGGED_OUT, Reason.UNLINKED)
    assert (await stores.connections.get(connection.id)).state is S.LOGGED_OUT


async def test_what_comes_after_a_report_that_was_not_confirmed_is_taken(
    stores: Stores, unsure: pytest.MonkeyPatch
) -> None:
    connection, lease = await stores.leased()
    reporter = StateReporter(stores.connections, lease)
    await reporter.report(S.SYNCING)
    unsure.undo()
    await reporter.report(S.DISCONNECTED, Reason.NETWORK_DOWN)
    shown = await stores.connections.get(connection.id)
    assert (shown.state, shown.reason) == (S.DISCONNECTED, Reason.NETWORK_DOWN)


@pytest.mark.parametrize("first", [S.STARTING, S.AWAITING_SCAN, S.SYNCING, S.DISCONNECTED])
async def test_what_follows_a_report_that_mongodb_never_took_is_no_illegal_move(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, first: ConnectionState
) -> None:
    connection, lease = await stores.leased()
    reporter = StateReporter(stores.connections, lease)
    await reporter.report(first)

    async def away(*_args: Any, **_named: Any) -> None:
        raise AutoReconnect

    with monkeypatch.context() as patch:
        patch.setattr(stores.connections, "move", away)
        await reporter.report(S.CONNECTED)
    await reporter.report(S.DEGRADED, Reason.SENDS_UNACKNOWLEDGED)
    shown = await stores.connections.get(connection.id)
    assert (shown.state, shown.reason) == (S.DEGRADED, Reason.SENDS_UNACKNOWLEDGED)
    assert reporter.state is S.DEGRADED


async def test_a_move_that_is_illegal_whatever_mongodb_took_stays_illegal(stores: Stores) -> None:
    _, lease = await stores.leased()
    reporter = StateReporter(stores.connections, lease)
    with pytest.raises(IllegalMoveError):
        await reporter.report(S.DEGRADED)
