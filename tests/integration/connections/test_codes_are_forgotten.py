"""QR and pairing codes leave MongoDB when they are used, run out, or nobody can use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from bson import encode

from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.linking import LinkingRequests, PairingRefusal, Refused
from sessions.connections.model import QrCode
from sessions.connections.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration.conftest import WITH_UPKEEP
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client

QR = "2@a-code-that-links-a-phone"
TYPED = "ABCD1234"
PHONE = "+972501112222"
S = ConnectionState
End = Callable[[Stores, Lease], Awaitable[object]]


async def _showing(stores: Stores, lives: timedelta, ttl: timedelta) -> Lease:
    """Have a connection show both codes."""
    _, lease = await stores.leased(ttl=ttl)
    await stores.connections.move(lease, S.STARTING, S.AWAITING_SCAN, Reason.QR_SHOWN)
    expires_at = utc_now() + lives
    await stores.connections.show_qr(lease, QrCode(code=QR, expires_at=expires_at))
    requests = LinkingRequests(stores.database)
    await requests.ask_for_pairing(lease.connection, PHONE)
    wish = await requests.pairing(lease.connection)
    assert wish is not None
    await requests.answer_pairing(lease, wish.answered(TYPED, expires_at))
    return lease


async def _stored(stores: Stores, lease: Lease) -> set[str]:
    """Return which codes the connection's document holds."""
    document = await stores.database["connections"].find_one({"_id": lease.connection})
    stored = encode(document or {})
    return {each for each in (QR, TYPED) if each.encode() in stored}


async def _link(stores: Stores, lease: Lease) -> None:
    await stores.connections.move(lease, S.AWAITING_SCAN, S.SYNCING, None)


async def _stop(stores: Stores, lease: Lease) -> None:
    await stores.connections.move(lease, S.AWAITING_SCAN, S.STOPPED, None, rests=True)


async def _idle(stores: Stores, lease: Lease) -> None:
    await stores.connections.move(lease, S.AWAITING_SCAN, S.AWAITING_SCAN, Reason.QR_IDLE)


async def _give_back(stores: Stores, lease: Lease) -> None:
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)


@pytest.mark.parametrize("end", [_link, _stop, _give_back])
async def test_codes_go_with_what_ends_the_linking(stores: Stores, end: End) -> None:
    lease = await _showing(stores, timedelta(minutes=1), timedelta(minutes=1))
    assert await _stored(stores, lease) == {QR, TYPED}
    await end(stores, lease)
    assert await _stored(stores, lease) == set()


async def test_a_qr_code_goes_when_no_new_ones_are_shown(stores: Stores) -> None:
    lease = await _showing(stores, timedelta(minutes=1), timedelta(minutes=1))
    await _idle(stores, lease)
    # What is typed works on meanwhile.
    assert await _stored(stores, lease) == {TYPED}


async def test_a_connection_that_is_stopped_after_its_worker_has_died_holds_no_code(
    stores: Stores,
) -> None:
    lease = await _showing(stores, timedelta(minutes=1), timedelta(0))
    await stores.connections.want(await stores.connections.get(lease.connection), "stopped")
    assert await _stored(stores, lease) == set()


@WITH_UPKEEP
@pytest.mark.parametrize(
    ("lives", "ttl"),
    [(timedelta(0), timedelta(minutes=1)), (timedelta(minutes=1), timedelta(0))],
    ids=["expired", "worker died"],
)
async def test_an_api_process_removes_what_nobody_can_use(
    client: Client, stores: Stores, database: Database, lives: timedelta, ttl: timedelta
) -> None:
    lease = await _showing(stores, lives, ttl)

    async def gone() -> bool:
        return await _stored(stores, lease) == set()

    await until(gone)


async def test_a_refusal_is_kept_until_whatsapp_may_be_asked_again(stores: Stores) -> None:
    lease = await _showing(stores, timedelta(minutes=1), timedelta(minutes=1))
    requests = LinkingRequests(stores.database)
    await requests.ask_for_pairing(lease.connection, PHONE)
    wish = await requests.pairing(lease.connection)
    assert wish is not None
    retry_at = utc_now() + timedelta(hours=1)
    refusal = PairingRefusal(code=Refused.TOO_MANY, retry_at=retry_at)
    await requests.answer_pairing(lease, wish.refused(refusal))
    await _link(stores, lease)
    assert await requests.paused_until(PHONE, utc_now()) is not None
