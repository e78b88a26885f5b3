"""Each change that is published also waits for the webhooks, in the changed document itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.connections.leases import Lease
from sessions.connections.model import Connection, QrCode
from sessions.connections.states import ConnectionState, Reason
from sessions.deletion.connections import Removals
from sessions.messages.expiry import Expiry
from sessions.messages.model import Ack, Draft, Message, MessageStatus
from tests.builders import OWNER, TO, Stores
from tests.integration.webhooks.telling import published, taken, told
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

S = ConnectionState
SHORT = timedelta(milliseconds=50)
Change = Callable[[Stores, Connection, Lease], Awaitable[object]]


async def _claimed(stores: Stores, connection: Connection, lease: Lease) -> Message:
    message = await stores.message(connection)
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    assert claimed.id == message.id
    return await stores.queue.write_down(lease, claimed, f"true_{TO}_{new_id()}", TO, new_chat=True)


async def _ended(
    stores: Stores, connection: Connection, lease: Lease, end: MessageStatus
) -> Message:
    message = await _claimed(stores, connection, lease)
    reason = "refused" if end is MessageStatus.FAILED else None
    ended = await stores.queue.settle(lease, message, end, reason)
    assert ended is not None
    return ended


async def _read(stores: Stores, connection: Connection, lease: Lease) -> None:
    sent = await _ended(stores, connection, lease, MessageStatus.SENT)
    for ack in (Ack.DEVICE, Ack.READ):
        await stores.queue.record_ack(lease, str(sent.whatsapp_id), ack)


async def _read_together(stores: Stores, connection: Connection, lease: Lease) -> None:
    sent = [await _ended(stores, connection, lease, MessageStatus.SENT) for _ in range(2)]
    await stores.queue.record_acks(lease, {str(each.whatsapp_id): Ack.READ for each in sent})


async def _put_back(stores: Stores, connection: Connection, lease: Lease) -> None:
    await stores.queue.put_back(lease, await _claimed(stores, connection, lease), "line_lost")


async def _cancelled(stores: Stores, connection: Connection, _: Lease) -> None:
    await stores.outbox.cancel(OWNER, (await stores.message(connection)).id)


async def _expired(stores: Stores, connection: Connection, _: Lease) -> None:
    draft = Draft(id=new_id(), to=TO, text="late", expires_at=utc_now() - timedelta(hours=1))
    await stores.add(connection, [draft])
    await Expiry(stores.database, stores.events).end_overdue()


async def _retried(stores: Stores, connection: Connection, lease: Lease) -> None:
    failed = await _ended(stores, connection, lease, MessageStatus.FAILED)
    await stores.outbox.redrive(OWNER, failed.id, unknown_too=False)


async def _all_retried(stores: Stores, connection: Connection, lease: Lease) -> None:
    for _ in range(2):
        await _ended(stores, connection, lease, MessageStatus.FAILED)
    await stores.outbox.redrive_failed(connection, None)


async def _abandoned(stores: Stores, connection: Connection, lease: Lease) -> None:
    await _claimed(stores, connection, lease)
    await stores.message(connection)
    await stores.outbox.abandon(connection.id)


@pytest.mark.parametrize(
    "change",
    [
        _read,
        _read_together,
        _put_back,
        _cancelled,
        _expired,
        _retried,
        _all_retried,
        _abandoned,
    ],
)
async def test_each_published_status_waits_for_webhooks(
    database: Database, stores: Stores, change: Change
) -> None:
    connection, lease = await stores.leased()
    await taken(database)
    stores.events.take()
    await change(stores, connection, lease)
    expected, found = published(stores.events), await told(database)
    assert len(found) >= 2
    # The chat is read when the event is told, and may be known by then.
    for _, data in (*expected, *found):
        data.pop("chatId", None)
    assert sorted(map(str, found)) == sorted(map(str, expected))


async def test_the_events_of_a_message_are_in_order(database: Database, stores: Stores) -> None:
    connection, lease = await stores.leased()
    await taken(database)
    await _read(stores, connection, lease)
    events = await taken(database)
    (document,) = {each.id.rpartition(".")[0] for each in events}
    assert [each.id for each in events] == [f"{document}.{n}" for n in range(1, 6)]
    assert {each.connection for each in events} == {connection.id}
    assert all(TO in each.chats for each in events)


async def _states(stores: Stores, connection: Connection, lease: Lease) -> None:
    move = stores.connections.move
    await move(lease, S.STARTING, S.SYNCING, Reason.LOADING_CHATS)
    await move(lease, S.SYNCING, S.CONNECTED, None, "+972501234567")
    await move(lease, S.CONNECTED, S.CONNECTED, None)
    await move(lease, S.CONNECTED, S.DISCONNECTED, Reason.NETWORK_DOWN)
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)


async def _stops(stores: Stores, connection: Connection, lease: Lease) -> None:
    await stores.connections.want(connection, "stopped")
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    await stores.connections.want(connection, "running")


async def _qr(stores: Stores, _: Connection, lease: Lease) -> None:
    await stores.connections.move(lease, S.STARTING, S.AWAITING_SCAN, Reason.QR_SHOWN)
    code = QrCode(code="$2@not an expression", expires_at=utc_now())
    await stores.connections.show_qr(lease, code)


async def test_a_qr_code_that_is_gone_is_not_told(database: Database, stores: Stores) -> None:
    _, lease = await stores.leased()
    await _qr(stores, None, lease)  # type: ignore[arg-type]
    await stores.connections.show_qr(lease, None)
    assert "connection.qr" not in [kind for kind, _ in await told(database)]
    assert await database["connections"].count_documents({"untold": {"$exists": True}}) == 0


@pytest.mark.parametrize("change", [_states, _stops, _qr])
async def test_each_published_state_waits_for_webhooks(
    database: Database, stores: Stores, change: Change
) -> None:
    connection, lease = await stores.leased()
    assert await told(database) == published(stores.events)
    await change(stores, connection, lease)
    expected, found = published(stores.events), await told(database)
    # The number is read when the event is told, and may be known by then.
    for _, data in (*expected, *found):
        for late in ("phoneNumber", "allowedCommands"):
            data.pop(late, None)
    assert found == expected


async def test_a_lost_worker_and_its_return(database: Database, stores: Stores) -> None:
    connection, lease = await stores.leased(ttl=SHORT)
    await told(database)
    stores.events.take()

    async def lost() -> bool:
        await stores.connections.announce_lost()
        return (await stores.connections.get(connection.id)).observed()[1] is Reason.WORKER_LOST

    await until(lost)
    await stores.connections.announce_lost()
    await stores.leases().renew(lease)
    expected, found = published(stores.events), await told(database)
    assert [data.get("reason") for _, data in found] == [
        Reason.WORKER_LOST,
        Reason.BROWSER_STARTING,
    ]
    assert found == expected


async def test_a_deleted_connection_is_told_though_its_record_is_gone(
    database: Database, stores: Stores
) -> None:
    connection = await stores.connection()
    removals = Removals(database, stores.outbox, stores.events)
    await removals.begin(connection)
    assert await removals.finish_alone(connection.id)
    assert await database["connections"].count_documents({}) == 0
    found = await told(database)
    assert [kind for kind, _ in found] == ["connection.state", "connection.deleted"]
    assert found == published(stores.events)
    assert await told(database) == []


async def test_an_event_between_the_removal_and_its_record_is_kept(
    database: Database, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, lease = await stores.leased()
    removals = Removals(database, stores.outbox, stores.events)
    await removals.begin(connection)
    removed = database["removedConnections"]
    writes = removed.update_one

    async def after_a_move(*arguments: Any, **named: Any) -> Any:
        """The connection moves after its record was read, and before that is kept."""
        if not await removed.count_documents({}):
            move = stores.connections.move
            await move(lease, S.STARTING, S.DISCONNECTED, Reason.NETWORK_DOWN)
        return await writes(*arguments, **named)

    monkeypatch.setattr(removed, "update_one", after_a_move)
    monkeypatch.setattr(removals, "_removed", removed)
    await removals.finish(lease)
    found = await told(database)
    assert ("connection.state", "network_down") in [
        (kind, data.get("reason")) for kind, data in found
    ]
