"""Reports of a connection's state while MongoDB takes some and fails to say so."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import WTimeoutError

from chatgrow_worker.connections.reporter import StateReporter
from sessions.mongo import STORE_DOWN
from sessions.states import ConnectionState, Reason
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
