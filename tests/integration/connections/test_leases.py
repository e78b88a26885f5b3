"""Leases on the real MongoDB: one owner at a time, and late writes fail."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from sessions.common.clock import utc_now
from sessions.common.errors import LeaseLostError
from sessions.connections.commands import CommandRequests
from sessions.connections.leases import Lease, LeaseStore, Renewal
from sessions.connections.model import Connection
from sessions.connections.states import ConnectionState, Reason
from sessions.messages.model import MessageStatus
from tests.builders import LONG, OWNER, Stores
from tests.waiting import until

SHORT = timedelta(milliseconds=300)


async def test_of_many_workers_one_gets_the_lease(stores: Stores) -> None:
    connection = await stores.connection()
    tries = [stores.leases(f"worker-{n}").acquire(connection.id) for n in range(20)]
    won = [lease for lease in await asyncio.gather(*tries) if lease is not None]
    assert len(won) == 1


async def test_a_lease_that_ran_out_is_taken_with_a_higher_generation(stores: Stores) -> None:
    connection, first = await stores.leased("one", SHORT)
    second = await _acquired(stores.leases("two"))
    assert second.generation == first.generation + 1
    assert await stores.leases("one").renew(first) is Renewal.LOST
    with pytest.raises(LeaseLostError):
        await stores.connections.move(
            first, ConnectionState.STARTING, ConnectionState.CONNECTED, None
        )
    assert (await stores.connections.get(connection.id)).state is ConnectionState.STARTING


async def test_a_connection_is_left_to_others_for_a_while(stores: Stores) -> None:
    connection = await stores.connection()
    for free_for, taken in ((LONG, False), (timedelta(0), True)):
        lease = await stores.leases("one", SHORT).acquire(connection.id, free_for=free_for)
        assert (lease is not None) is taken
    await until(lambda: _ran_out(stores, connection))
    assert await stores.leases("two").acquire(free_for=LONG) is None
    assert await stores.leases("two").acquire(free_for=timedelta(0)) is not None


async def test_what_ran_out_is_spared_for_the_worker_that_had_it(stores: Stores) -> None:
    connection, _ = await stores.leased("one", SHORT)
    await until(lambda: _ran_out(stores, connection))
    assert await stores.leases("two").acquire(spare_others=True) is None
    assert await stores.leases("one", instance="new").acquire(spare_others=True) is not None
    released = await stores.connection("released")
    lease = await stores.leases("one").acquire(released.id)
    assert lease is not None
    await stores.leases("one").release(lease, Reason.WAITING_FOR_WORKER)
    assert await stores.leases("two").acquire(spare_others=True) is not None


async def test_a_record_made_by_a_clock_that_is_ahead_is_free_at_once(stores: Stores) -> None:
    ahead = utc_now() + LONG
    await stores.connections.create(OWNER, "main", "Main", None, ahead)
    assert await stores.leases("one").acquire() is not None


async def test_a_renewed_lease_is_not_taken(stores: Stores) -> None:
    _, lease = await stores.leased("one", SHORT)
    keeper = stores.leases("one")
    assert await keeper.renew(lease) is Renewal.KEPT
    await asyncio.sleep(SHORT.total_seconds() * 2)  # what is tested is that time has passed
    assert await stores.leases("two").acquire() is None


async def test_a_restarted_worker_does_not_take_its_old_lease_for_its_own(stores: Stores) -> None:
    _, lease = await stores.leased("one", SHORT)
    restarted = stores.leases("one", instance="restarted")
    assert await restarted.acquire() is None
    again = await _acquired(restarted)
    assert again.generation == lease.generation + 1
    assert await stores.leases("one").renew(lease) is Renewal.LOST


async def test_what_a_dead_predecessor_held_is_taken_at_once(stores: Stores) -> None:
    connection, lease = await stores.leased("one")
    restarted = stores.leases("one", instance="restarted", predecessor="one")
    assert await restarted.is_any_free([])
    again = await restarted.acquire(free_for=LONG)
    assert again is not None
    assert again.generation == lease.generation + 1
    assert await stores.leases("one").renew(lease) is Renewal.LOST
    assert await restarted.acquire(running=[connection.id]) is None


async def test_a_predecessor_gives_no_right_to_what_others_have(stores: Stores) -> None:
    await stores.leased("two")
    restarted = stores.leases("one", instance="restarted", predecessor="one")
    assert not await restarted.is_any_free([])
    assert await restarted.acquire() is None


async def test_a_lease_whose_granting_got_lost_on_the_way_is_granted_again(stores: Stores) -> None:
    connection, lost = await stores.leased("one")
    again = await stores.leases("one").acquire()
    assert again is not None
    assert again.generation == lost.generation + 1
    assert await stores.leases("one").acquire(running=[connection.id]) is None


async def test_a_released_connection_is_free_at_once(stores: Stores) -> None:
    _, lease = await stores.leased("one")
    await stores.leases("one").release(lease, Reason.WAITING_FOR_WORKER)
    assert await stores.leases("two").acquire() is not None


async def test_a_stale_owner_cannot_touch_a_message_that_a_newer_one_claimed(
    stores: Stores,
) -> None:
    connection, old = await stores.leased("one", SHORT)
    message = await stores.message(connection)
    assert await stores.queue.claim_next(old)
    new = await _acquired(stores.leases("two"))
    assert [left.id for left in await stores.queue.left_over(new)] == [message.id]
    with pytest.raises(LeaseLostError):
        await stores.queue.settle(old, message, MessageStatus.SENT)
    assert (await stores.outbox.find(OWNER, message.id)).status is MessageStatus.SENDING


async def test_a_connection_that_shall_stop_loses_its_lease_at_the_next_renewal(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased("one")
    await stores.connections.want(connection, "stopped")
    assert await stores.leases("one").renew(lease) is Renewal.UNWANTED
    await stores.leases("one").release(lease, Reason.WAITING_FOR_WORKER)
    assert (await stores.connections.get(connection.id)).state is ConnectionState.STOPPED
    assert await stores.leases("two").acquire() is None


@pytest.mark.parametrize("dies_first", [True, False])
async def test_a_connection_that_shall_stop_is_stopped_though_its_worker_died(
    stores: Stores, dies_first: bool
) -> None:
    connection, lease = await stores.leased("one", SHORT)
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)

    async def dead() -> bool:
        return not (await stores.connections.get(connection.id)).leased

    if dies_first:
        await until(dead)
    await stores.connections.want(connection, "stopped")
    await until(dead)
    shown = await stores.connections.get(connection.id)
    assert shown.observed() == (ConnectionState.STOPPED, None)
    await stores.connections.want(connection, "running")
    assert await stores.leases("two").acquire() is not None


async def test_leases_that_are_due_together_are_renewed_each_for_itself(stores: Stores) -> None:
    """One that is lost, asked to stop or commanded is told so, and does not cost the others."""
    brief, long = stores.leases("one", SHORT), stores.leases("one", LONG)
    kept, unwanted, commanded, lost = [await _named(stores, brief, name) for name in "kuwl"]
    await stores.connections.want(await stores.connections.get(unwanted.connection), "stopped")
    await CommandRequests(stores.database).log_out(commanded.connection)
    newer = await _acquired(brief, lost.connection)
    leases = [kept, unwanted, commanded, lost, newer]

    renewed = await asyncio.gather(*(long.renew(lease) for lease in leases))

    expected = [Renewal.KEPT, Renewal.UNWANTED, Renewal.COMMANDED, Renewal.LOST, Renewal.KEPT]
    assert renewed == expected
    await asyncio.sleep(SHORT.total_seconds() * 2)  # what is tested is that time has passed
    for lease in leases:
        assert await stores.leases("two").acquire(lease.connection) is None


async def test_a_renewal_among_others_tells_that_a_lost_worker_is_back(stores: Stores) -> None:
    slow = stores.leases("one", SHORT)
    lease, other = [await _named(stores, slow, name) for name in "ab"]
    connected = (ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    await stores.connections.move(lease, *connected)

    async def dead() -> bool:
        return not (await stores.connections.get(lease.connection)).leased

    await until(dead)
    await stores.connections.announce_lost()
    stores.events.take()
    assert set(await asyncio.gather(slow.renew(other), slow.renew(lease))) == {Renewal.KEPT}
    told = [json.loads(each.data) for each in stores.events.take()]
    assert [each["state"] for each in told if each["connectionId"] == "a"] == ["connected"]


async def test_a_dead_workers_last_word_is_not_shown(stores: Stores) -> None:
    connection, lease = await stores.leased("one", SHORT)
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.CONNECTED, None)
    shown = (await stores.connections.get(connection.id)).observed()
    assert shown == (ConnectionState.CONNECTED, None)

    async def lost() -> bool:
        seen = (await stores.connections.get(connection.id)).observed()
        return seen == (ConnectionState.DISCONNECTED, Reason.WORKER_LOST)

    await until(lost)


async def _ran_out(stores: Stores, connection: Connection) -> bool:
    return not (await stores.connections.get(connection.id)).leased


async def _named(stores: Stores, leases: LeaseStore, name: str) -> Lease:
    """Store a connection and take its lease."""
    return await _acquired(leases, (await stores.connection(name)).id)


async def _acquired(leases: LeaseStore, connection: str | None = None) -> Lease:
    """Take the connection as soon as it is free, or the one that there is."""
    async with asyncio.timeout(10):
        while (lease := await leases.acquire(connection)) is None:  # noqa: ASYNC110  sends no event
            await asyncio.sleep(0.02)
    return lease
