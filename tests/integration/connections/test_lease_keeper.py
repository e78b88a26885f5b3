"""The lease keeper: it gives up in time, and tells a wish to stop from a loss."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from pymongo.errors import AutoReconnect

from chatgrow_worker.connection.lease_keeper import LeaseKeeper
from sessions.common.errors import LeaseLostError
from sessions.connections.leases import Lease, LeaseStore, Renewal
from tests.builders import Stores

TTL = timedelta(milliseconds=300)
MARGIN = TTL / 2


class _AwayStore(LeaseStore):
    """A store whose MongoDB fails, or never answers."""

    def __init__(self, *, hangs: bool) -> None:
        self._hangs = hangs

    async def renew(self, lease: Lease) -> Renewal:
        if self._hangs:
            await asyncio.Event().wait()
        raise AutoReconnect("away")


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_lease_that_cannot_be_renewed_is_given_up(hangs: bool) -> None:
    store = _AwayStore(hangs=hangs)
    keeper = LeaseKeeper(store, Lease("c", "w", "i", 1), TTL, MARGIN, time.monotonic())
    keeper.check()
    with pytest.raises(LeaseLostError):
        await keeper.keep(asyncio.Event(), asyncio.Event(), asyncio.Event())
    with pytest.raises(LeaseLostError):
        keeper.check()


async def test_a_lease_whose_answer_came_late_is_given_up_at_once(stores: Stores) -> None:
    _, lease = await stores.leased("one", TTL)
    asked_at = time.monotonic() - TTL.total_seconds()
    keeper = LeaseKeeper(stores.leases("one"), lease, TTL, MARGIN, asked_at)
    with pytest.raises(LeaseLostError):
        await keeper.keep(asyncio.Event(), asyncio.Event(), asyncio.Event())
    with pytest.raises(LeaseLostError):
        keeper.check()


async def test_a_lease_that_another_has_is_lost_at_once(stores: Stores) -> None:
    connection, lease = await stores.leased("one")
    await stores.leases("one").acquire(connection.id)
    keeper = LeaseKeeper(stores.leases("one"), lease, TTL, MARGIN, time.monotonic())
    with pytest.raises(LeaseLostError):
        await keeper.keep(asyncio.Event(), asyncio.Event(), asyncio.Event())


async def test_a_wish_to_stop_ends_the_connection_and_keeps_the_lease(stores: Stores) -> None:
    ttl = timedelta(seconds=6)  # renewed after two: a machine that stands still costs no lease
    connection, lease = await stores.leased("one", ttl)
    keeper = LeaseKeeper(stores.leases("one", ttl), lease, ttl, timedelta(0), time.monotonic())
    ending, done = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.keep(ending, done, asyncio.Event()))
        await stores.connections.want(connection, "stopped")
        async with asyncio.timeout(10):
            await ending.wait()
        # While the page is being closed nobody else may have it.
        assert await stores.leases("one", ttl).renew(lease) is Renewal.UNWANTED
        done.set()
