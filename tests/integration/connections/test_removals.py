"""Deleted connections: gone for their owner at once, and removed whatever crashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient

from chatgrow_worker.login.leftovers import LeftProfiles
from sessions.common.errors import ConnectionNotFoundError
from sessions.common.ids import new_id
from sessions.connections.places import MessagePlaces
from sessions.connections.states import ConnectionState, Reason
from sessions.deletion.connections import Removals
from sessions.events.log import EventType
from sessions.messages.model import Draft, MessageStatus
from sessions.messages.outbox import Outbox
from tests.blob_saver import Saver
from tests.builders import OWNER, TO, Stores
from tests.logged import logged

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.connections.leases import Lease
    from sessions.connections.model import Connection

    Client = TestClient[web.Request, web.Application]

MAIN = "/api/whatsapp/connections/main"


@pytest.fixture
def removals(stores: Stores) -> Removals:
    return Removals(stores.database, stores.outbox, stores.events)


async def _connected(stores: Stores) -> tuple[Connection, Lease]:
    connection, lease = await stores.leased()
    await stores.connections.move(lease, ConnectionState.STARTING, ConnectionState.SYNCING, None)
    await stores.connections.move(lease, ConnectionState.SYNCING, ConnectionState.CONNECTED, None)
    return connection, lease


async def _records(stores: Stores) -> int:
    return await stores.database["connections"].count_documents({})


async def test_without_a_login_no_worker_is_needed(client: Client, stores: Stores) -> None:
    connection = await stores.connection()
    waiting = await stores.message(connection)
    async with client.delete(MAIN) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    assert await _records(stores) == 0
    message = await (await client.get(f"/api/whatsapp/messages/{waiting.id}")).json()
    assert (message["status"], message["reason"]) == ("cancelled", "connection_deleted")
    async with client.post(f"/api/whatsapp/messages/{waiting.id}/retry") as retried:
        assert retried.status == 404
    assert (await stores.outbox.find(OWNER, waiting.id)).status is MessageStatus.CANCELLED


async def test_a_deletion_is_told_with_what_it_cancels_and_nothing_after_it(
    stores: Stores, removals: Removals
) -> None:
    connection, lease = await _connected(stores)
    waiting = await stores.message(connection)
    stores.events.take()
    await removals.begin(connection)
    await stores.connections.move(
        lease, ConnectionState.CONNECTED, ConnectionState.DISCONNECTED, Reason.NETWORK_DOWN
    )
    deleted, cancelled = stores.events.take()
    assert (deleted.type, deleted.owner) == (EventType.CONNECTION_DELETED, OWNER)
    assert json.loads(deleted.data) == {"connectionId": "main", "owner": OWNER}
    told = json.loads(cancelled.data)
    assert (told["messageId"], told["status"]) == (waiting.id, "cancelled")


async def test_what_was_never_linked_needs_no_worker_after_its_own_died(
    client: Client, stores: Stores
) -> None:
    _, lease = await stores.leased()
    await stores.connections.move(
        lease, ConnectionState.STARTING, ConnectionState.AWAITING_SCAN, Reason.QR_SHOWN
    )
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    assert (await client.delete(MAIN)).status == 204
    assert await _records(stores) == 0


async def test_a_linked_one_is_gone_at_once_and_removed_later(
    client: Client, stores: Stores, removals: Removals, tmp_path: Path
) -> None:
    connection, lease = await _connected(stores)
    saver = Saver(stores.database, lease, tmp_path)
    await saver.saved()
    link = await (await client.post(f"{MAIN}/qr-link")).json()
    assert (await client.delete(MAIN)).status == 202
    shown = {"X-Link-Token": urlsplit(link["url"]).fragment}
    assert (await client.get("/link/state", headers=shown)).status == 410
    for method, path in (
        ("GET", MAIN),
        ("GET", f"{MAIN}/status"),
        ("GET", f"{MAIN}/qr"),
        ("POST", f"{MAIN}/start"),
        ("POST", f"{MAIN}/logout"),
        ("DELETE", MAIN),
    ):
        assert (await client.request(method, path)).status == 404
    body = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
    assert (await client.post("/api/whatsapp/send", json=body)).status == 404
    assert (await (await client.get("/api/whatsapp/connections")).json())["items"] == []

    made = await client.post("/api/whatsapp/connections", json={"connectionId": "main"})
    assert made.status == 201
    assert (await stores.connections.find(OWNER, "main")).id != connection.id
    # The owner is the same worker still: what it writes is not for the new one.
    await stores.connections.move(
        lease, ConnectionState.CONNECTED, ConnectionState.DISCONNECTED, Reason.LOGGING_OUT
    )
    await removals.finish(lease)
    assert await saver.stored() == set()
    assert await _records(stores) == 1
    assert (await stores.connections.find(OWNER, "main")).state is ConnectionState.STARTING
    assert await removals.removed_among([connection.id, lease.worker]) == {connection.id}


async def test_a_linked_one_is_taken_by_a_worker_though_it_was_stopped(
    client: Client, stores: Stores, removals: Removals
) -> None:
    connection, lease = await _connected(stores)
    await stores.connections.want(connection, "stopped")
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    assert (await client.delete(MAIN)).status == 202
    assert not await removals.finish_alone(connection.id)
    taken = await stores.leases("two").acquire(only_leaving=True)
    assert taken is not None
    assert taken.connection == connection.id
    # A late word of its owner before changes nothing, and removes nothing.
    await removals.finish(lease)
    assert await _records(stores) == 1
    await removals.finish(taken)
    assert await _records(stores) == 0


async def test_a_deletion_that_was_cut_off_is_completed(stores: Stores, removals: Removals) -> None:
    alone = await stores.connection("alone")
    await removals.begin(alone)
    linked, _ = await _connected(stores)
    await removals.begin(linked)
    kept = await stores.connection("kept")
    await removals.finish_all_alone()
    left = await stores.database["connections"].distinct("_id")
    assert set(left) == {linked.id, kept.id}


async def test_of_two_deletions_one_is_told_that_there_is_nothing(
    stores: Stores, removals: Removals
) -> None:
    connection = await stores.connection()
    await removals.begin(connection)
    with pytest.raises(ConnectionNotFoundError):
        await removals.begin(connection)


class DeletedMeanwhile(MessagePlaces):
    """Gives a place in the order, and then the connection is deleted."""

    def __init__(self, stores: Stores, removals: Removals) -> None:
        super().__init__(stores.database)
        self.connections, self.removals = stores.connections, removals

    async def take_of(self, internal_id: str, connection_id: str, count: int = 1) -> int:
        place = await super().take_of(internal_id, connection_id, count)
        await self.removals.begin(await self.connections.get(internal_id))
        return place


async def test_what_a_deletion_overtakes_waits_no_more(stores: Stores, removals: Removals) -> None:
    outbox = Outbox(stores.database, stores.events)
    outbox.places = DeletedMeanwhile(stores, removals)
    cancelled = await stores.message(await stores.connection("first"))
    await stores.outbox.cancel(OWNER, cancelled.id)
    with pytest.raises(ConnectionNotFoundError, match="first"):
        await outbox.redrive(OWNER, cancelled.id, unknown_too=False)
    second = await stores.connection("second")
    places = await outbox.places.take(OWNER, "second", 1)
    await removals.begin(second)
    draft = Draft(id=new_id(), to=TO, text="too late")
    await outbox.add(places, [draft])
    await outbox.cancel_left()
    for message in (cancelled.id, draft.id):
        found = await stores.outbox.find(OWNER, message)
        assert (found.status, found.reason) == (MessageStatus.CANCELLED, "connection_deleted")


async def test_what_was_in_hand_ends_honestly(stores: Stores, removals: Removals) -> None:
    connection, lease = await _connected(stores)
    for text in ("out perhaps", "not out"):
        await stores.message(connection, text)
    out = await stores.queue.claim_next(lease)
    assert out is not None
    await stores.queue.write_down(lease, out, "true_972501234567@c.us_3EB0", out.to, new_chat=False)
    not_out = await stores.queue.claim_next(lease)
    assert not_out is not None
    await removals.begin(connection)
    await removals.finish(lease)
    for message, status in ((out, MessageStatus.UNKNOWN), (not_out, MessageStatus.CANCELLED)):
        ended = await stores.outbox.find(OWNER, message.id)
        assert (ended.status, ended.reason) == (status, "connection_deleted")


async def test_profiles_of_deleted_connections_are_removed_and_no_others(
    stores: Stores, removals: Removals, tmp_path: Path
) -> None:
    names = ("gone", "running", "set aside", "kept", "kept aside")
    ids = [(await stores.connection(name)).id for name in names]
    for name in (*ids[:2], f".{ids[2]}.aside", ids[3], f".{ids[4]}.aside", "nobody", ".copy-1"):
        (tmp_path / name).mkdir()
    for name in ids[:3]:
        await removals.begin(await stores.connections.get(name))
        assert await removals.finish_alone(name)
    profiles = LeftProfiles(tmp_path, removals, lambda name: name == ids[1])
    await profiles.remove()
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {ids[1], ids[3], f".{ids[4]}.aside", "nobody", ".copy-1"}


async def test_a_profile_that_cannot_be_removed_does_not_hold_up_the_others(
    stores: Stores, removals: Removals, tmp_path: Path
) -> None:
    ids = [(await stores.connection(f"c{number}")).id for number in range(8)]
    for name in ids:
        (tmp_path / name).mkdir()
        await removals.begin(await stores.connections.get(name))
        assert await removals.finish_alone(name)
    stays = ids[4]
    (tmp_path / f".{stays}.restoring").touch()  # a folder, if anything
    (tmp_path / stays).rmdir()
    (tmp_path / stays).touch()
    with logged("INFO") as lines:
        await LeftProfiles(tmp_path, removals, lambda _: False).remove()
    assert {each.name for each in tmp_path.iterdir()} == {stays, f".{stays}.restoring"}
    assert not any(stays in line and "Removed" in line for line in lines)
