"""The fleet's circuit breaker in MongoDB: what opens it, who probes, what closes it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chatgrow_worker.whatsapp_change.change_watch import ChangeWatch
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.states import ConnectionState
from sessions.storage.mongo import STORE_DOWN
from sessions.whatsapp.breaker import MOVES, BreakerState, Cause, WhatsAppBreaker
from tests.builders import Stores, whatsapp_breaker
from tests.refusing_mongo import refusing

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

_S = BreakerState
OVER_QUOTA = 8000


@pytest.fixture
def breaker(database: Database) -> WhatsAppBreaker:
    return whatsapp_breaker(database)


async def _run(stores: Stores, *owners: str) -> list[Lease]:
    """Have a linked connection run for each of these owners."""
    leases = []
    for number, owner in enumerate(owners):
        connection = await stores.connection(f"line-{number}", owner)
        lease = await stores.leases().acquire(connection.id)
        assert lease is not None
        starting, connected = ConnectionState.STARTING, ConnectionState.CONNECTED
        await stores.connections.move(lease, starting, connected, None, "+972501111111")
        leases.append(lease)
    return leases


async def _throws(
    breaker: WhatsAppBreaker, lease: Lease, owner: str = "dana", version: str = "1"
) -> None:
    await breaker.report(lease, owner, Cause.SENDS_THROW, "TypeError: no", version)


async def _lacks(breaker: WhatsAppBreaker, lease: Lease, version: str = "1") -> None:
    await breaker.report(lease, "dana", Cause.FUNCTION_MISSING, "missing: send", version)


async def _state(breaker: WhatsAppBreaker) -> BreakerState:
    return (await breaker.read()).state


async def _set(database: Database, changes: Mapping[str, Any]) -> None:
    await database["breaker"].update_one({"_id": "whatsapp"}, {"$set": dict(changes)})


async def _long_ago(database: Database, field: str) -> None:
    await _set(database, {field: utc_now() - timedelta(hours=2)})


def test_the_table_leads_from_each_state_to_the_others_and_back() -> None:
    assert set(MOVES) == set(_S)
    assert _S.PROBING not in MOVES[_S.CLOSED]


async def test_one_page_that_lacks_a_function_is_enough(
    stores: Stores, breaker: WhatsAppBreaker
) -> None:
    leases = await _run(stores, "dana", "noa", "dana", "noa")
    await _lacks(breaker, leases[0])

    found = await breaker.read()
    assert (found.state, found.changed, found.probe_due) == (_S.OPEN, True, True)
    assert (found.cause, found.detail) == (Cause.FUNCTION_MISSING, "missing: send")


async def test_sends_have_to_throw_on_several_connections(
    stores: Stores, breaker: WhatsAppBreaker
) -> None:
    leases = await _run(stores, *["dana"] * 4)
    await _throws(breaker, leases[0])
    await _throws(breaker, leases[0])
    await _throws(breaker, leases[1])
    assert await _state(breaker) is _S.CLOSED
    await _throws(breaker, leases[2])

    assert await _state(breaker) is _S.OPEN


async def test_the_messages_of_one_owner_pause_no_other(
    stores: Stores, breaker: WhatsAppBreaker
) -> None:
    leases = await _run(stores, "dana", "dana", "dana", "noa")
    for lease in leases[:3]:
        await _throws(breaker, lease)
    assert await _state(breaker) is _S.CLOSED
    await _throws(breaker, leases[3], "noa")

    assert await _state(breaker) is _S.OPEN


async def test_where_one_connection_runs_it_is_enough(
    stores: Stores, breaker: WhatsAppBreaker
) -> None:
    (lease,) = await _run(stores, "dana")
    await _throws(breaker, lease)

    assert await _state(breaker) is _S.OPEN


async def test_a_page_that_works_again_takes_its_word_back(
    stores: Stores, breaker: WhatsAppBreaker
) -> None:
    leases = await _run(stores, *["dana"] * 4)
    for lease in leases[:2]:
        await _throws(breaker, lease)
    await breaker.withdraw(leases[0])
    await _throws(breaker, leases[2])

    assert await _state(breaker) is _S.CLOSED


async def test_only_one_probes(stores: Stores, breaker: WhatsAppBreaker) -> None:
    leases = await _run(stores, *["dana"] * 8)
    await _lacks(breaker, leases[0])

    taken = await asyncio.gather(*(breaker.begin_probe(lease) for lease in leases))
    assert sum(taken) == 1
    assert not (await breaker.read()).probe_due


async def test_a_probe_whose_worker_has_gone_is_taken_over(
    stores: Stores, breaker: WhatsAppBreaker, database: Database
) -> None:
    gone, other = await _run(stores, "dana", "dana")
    await _lacks(breaker, gone)
    assert await breaker.begin_probe(gone)
    await _long_ago(database, "probe.expiresAt")
    assert await breaker.begin_probe(other)
    await breaker.probe_passed(gone, "1")

    assert await _state(breaker) is _S.PROBING


async def test_after_a_probe_that_fails_the_next_waits_its_time(
    stores: Stores, breaker: WhatsAppBreaker, database: Database
) -> None:
    one, other = await _run(stores, "dana", "dana")
    await _lacks(breaker, one)
    assert await breaker.begin_probe(one)
    await breaker.probe_failed(one, "still missing")
    assert not await breaker.begin_probe(other)
    await _long_ago(database, "nextProbeAt")

    assert await breaker.begin_probe(other)


async def test_a_probe_that_passes_closes_it_and_refutes_the_others(
    stores: Stores, breaker: WhatsAppBreaker
) -> None:
    alone, other = await _run(stores, "dana", "dana")
    await _lacks(breaker, alone)
    assert await breaker.begin_probe(other)
    await breaker.probe_passed(other, "1")
    assert await _state(breaker) is _S.CLOSED
    await _lacks(breaker, alone)
    assert await _state(breaker) is _S.CLOSED
    await _lacks(breaker, alone, version="2")

    assert await _state(breaker) is _S.OPEN


async def test_what_was_refuted_counts_again_once_it_has_worked(
    stores: Stores, breaker: WhatsAppBreaker
) -> None:
    one, other = await _run(stores, "dana", "dana")
    await _lacks(breaker, one)
    assert await breaker.begin_probe(other)
    await breaker.probe_passed(other, "1")
    await breaker.withdraw(one)
    await _lacks(breaker, one)

    assert await _state(breaker) is _S.OPEN


async def test_what_nobody_confirms_is_forgotten(
    stores: Stores, breaker: WhatsAppBreaker, database: Database
) -> None:
    (lease,) = await _run(stores, "dana")
    await _lacks(breaker, lease)
    await breaker.expire()
    assert (await breaker.read()).changed
    await _long_ago(database, "confirmedAt")
    assert not (await breaker.read()).changed
    await breaker.expire()

    assert await _state(breaker) is _S.CLOSED


async def test_while_mongodb_refuses_it_neither_opens_nor_closes(stores: Stores) -> None:
    breaker = whatsapp_breaker(stores.database)
    watch = ChangeWatch(breaker)
    (lease,) = await _run(stores, "dana")
    await _lacks(breaker, lease)
    assert (await watch.current(anew=True)).changed
    database = stores.database
    async with refusing(database, "aggregate", "breaker", errorCode=OVER_QUOTA):
        assert (await watch.current(anew=True)).changed
    async with refusing(database, "update", "breaker", errorCode=OVER_QUOTA):
        with pytest.raises(STORE_DOWN):
            await breaker.begin_probe(lease)

    assert await _state(breaker) is _S.OPEN
