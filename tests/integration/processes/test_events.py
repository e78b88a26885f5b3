"""Which events the stores publish: one for each change, none for what changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions.common.clock import utc_now
from sessions.common.errors import ConfigurationError, LeaseLostError
from sessions.common.ids import new_id
from sessions.connections.leases import Renewal
from sessions.connections.model import QrCode
from sessions.connections.states import ConnectionState, Reason
from sessions.events.log import GAP
from sessions.events.stream import START, EventStream, open_event_log
from sessions.messages.events import status_event
from sessions.messages.model import Ack, Draft, MessageStatus
from tests.builders import OWNER, TO, Stores
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

SHORT = timedelta(milliseconds=200)
S = ConnectionState


def told(stores: Stores) -> list[tuple[str, str | None]]:
    """Return what was published since the last call: states or statuses, with their reasons."""
    data = [json.loads(event.data) for event in stores.events.take()]
    return [(each.get("state") or each.get("status"), each.get("reason")) for each in data]


async def test_what_was_published_last_reaches_redis_before_the_end(
    stores: Stores, redis: ArqRedis
) -> None:
    message = await stores.message(await stores.connection())
    events = [status_event(message), GAP, status_event(message)]
    async with open_event_log(redis) as log:
        log.publish(*events)
    entries = await EventStream(redis).wait_after(START, 10, timedelta(seconds=1))
    assert [each.event for each in entries] == events


async def test_a_log_leaves_the_errors_of_its_block_as_they_are(redis: ArqRedis) -> None:
    cause = ValueError("why")
    with pytest.raises(ConfigurationError) as raised:
        async with open_event_log(redis):
            raise ConfigurationError("what") from cause
    assert raised.value.__cause__ is cause


async def test_a_connections_life_is_told(stores: Stores) -> None:
    connection, lease = await stores.leased()
    assert told(stores) == [("starting", "waiting_for_worker"), ("starting", "browser_starting")]
    await stores.connections.move(lease, S.STARTING, S.AWAITING_SCAN, Reason.QR_SHOWN)
    qr = QrCode(code="2@code", expires_at=utc_now() + timedelta(minutes=1))
    await stores.connections.show_qr(lease, qr)
    state, code = stores.events.take()
    assert json.loads(state.data)["state"] == "awaiting_scan"
    assert (code.type, code.owner, code.connection) == ("connection.qr", OWNER, connection.id)
    assert json.loads(code.data)["code"] == "2@code"
    assert "2@code" not in repr(code)
    await stores.connections.show_qr(lease, None)
    assert told(stores) == []

    await stores.connections.move(lease, S.AWAITING_SCAN, S.CONNECTED, None, "+972501111111")
    (event,) = stores.events.take()
    known = await stores.connections.get(connection.id)
    assert json.loads(event.data) == {
        "connectionId": "main",
        "owner": OWNER,
        "state": "connected",
        "since": known.since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "phoneNumber": "+972501111111",
        "actsNext": "nobody",
        "allowedCommands": ["stop", "restart", "logout", "delete", "check_number"],
    }
    await stores.connections.want(connection, "running")
    assert told(stores) == []
    await stores.connections.want(connection, "stopped")
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    await stores.connections.want(connection, "running")
    assert told(stores) == [("stopped", None), ("starting", "waiting_for_worker")]


async def test_what_a_lost_owner_could_not_write_is_not_told(stores: Stores) -> None:
    _, lease = await stores.leased()
    stale = replace(lease, generation=lease.generation - 1)
    stores.events.take()
    with pytest.raises(LeaseLostError):
        await stores.connections.move(stale, S.STARTING, S.CONNECTED, None)
    await stores.leases().release(stale, Reason.WAITING_FOR_WORKER)
    assert told(stores) == []


async def test_a_messages_life_is_told(stores: Stores) -> None:
    connection, lease = await stores.leased()
    stores.events.take()
    message = await stores.message(connection, "a secret text")
    (event,) = stores.events.take()
    assert json.loads(event.data) == {
        "messageId": message.id,
        "connectionId": "main",
        "owner": OWNER,
        "to": TO,
        "status": "queued",
        "at": message.queued_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    await stores.queue.put_back(lease, claimed, "page_error")
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    await stores.queue.write_down(lease, claimed, "true_x_ID1", claimed.to, new_chat=True)
    events = stores.events.take()
    assert not any("secret" in each.data for each in events)
    data: list[dict[str, Any]] = [json.loads(each.data) for each in events]
    assert [each["status"] for each in data] == ["sending", "queued", "sending"]
    assert [each["at"] for each in data] == sorted(each["at"] for each in data)

    await stores.queue.record_ack(lease, "true_x_ID1", Ack.DEVICE)
    await stores.queue.settle(lease, claimed, MessageStatus.SENT)
    await stores.queue.record_ack(lease, "true_x_ID1", Ack.SERVER)
    await stores.queue.record_ack(lease, "true_x_ID1", Ack.READ)
    assert told(stores) == [("delivered", None), ("read", None)]


async def test_what_is_taken_back_redriven_or_too_late_is_told(stores: Stores) -> None:
    connection, lease = await stores.leased()
    taken_back = await stores.message(connection)
    await stores.outbox.cancel(OWNER, taken_back.id)
    await stores.outbox.redrive(OWNER, taken_back.id, unknown_too=False)
    late = Draft(id=new_id(), to=TO, text="Late", expires_at=utc_now() - timedelta(seconds=1))
    await stores.add(connection, [late])
    stores.events.take()
    await stores.queue.expire(lease)
    (event,) = stores.events.take()
    assert json.loads(event.data)["messageId"] == late.id
    assert json.loads(event.data)["status"] == "expired"
    await stores.queue.expire(lease)
    assert told(stores) == []


async def test_a_message_that_is_added_again_is_not_told_again(stores: Stores) -> None:
    connection = await stores.connection()
    drafts = [Draft(id=new_id(), to=TO, text="Hello") for _ in range(3)]
    await stores.add(connection, drafts[:2])
    stores.events.take()
    await stores.add(connection, drafts)
    assert [json.loads(each.data)["messageId"] for each in stores.events.take()] == [drafts[2].id]


async def test_a_dead_worker_is_told_once_by_all_who_look(stores: Stores) -> None:
    connection, lease = await stores.leased("one", SHORT)
    await stores.connections.move(lease, S.STARTING, S.CONNECTED, None)
    await stores.connections.announce_lost()
    stores.events.take()

    async def dead() -> bool:
        return not (await stores.connections.get(connection.id)).leased

    await until(dead)
    for _ in range(2):
        await stores.connections.announce_lost()
    assert told(stores) == [("disconnected", "worker_lost")]

    # It was only slow: it is connected again, and may be lost again.
    assert await stores.leases("one", SHORT).renew(lease) is Renewal.KEPT
    await until(dead)
    await stores.connections.announce_lost()
    assert told(stores) == [("connected", None), ("disconnected", "worker_lost")]

    # So may whoever has it next; one that shall stop is stopped then.
    assert await stores.leases("two", SHORT).acquire() is not None
    await stores.connections.want(connection, "stopped")
    await until(dead)
    await stores.connections.announce_lost()
    assert told(stores) == [("starting", "browser_starting"), ("stopped", None)]
