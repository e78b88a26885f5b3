"""A link links no other phone than the one whose number was declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient

from chatgrow_worker.page.snapshot import Snapshot
from sessions.connections.model import Connection
from sessions.connections.states import ConnectionState, Reason
from tests.builders import Stores
from tests.integration.pageless import PagelessWorker
from tests.integration.pages.test_links import by, link_to, shows_a_code, state_of
from tests.integration.ready_pages import PHONE, READY, ReadyPages
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

Worker = PagelessWorker[ReadyPages]
DECLARED = "+972502222222"
SYNCING = READY.model_copy(update={"mode": "SYNCING"})
_S = ConnectionState


async def _until_state(stores: Stores, connection: Connection, state: ConnectionState) -> None:
    async def reached() -> bool:
        return (await stores.connections.get(connection.id)).state is state

    await until(reached)


async def _declared(stores: Stores, number: str) -> Connection:
    connection = await stores.connection()
    return await stores.connections.change(connection, {"phoneNumber": number})


@pytest.mark.parametrize("shows", [SYNCING, READY], ids=["at once", "when it is ready"])
async def test_another_phone_that_a_link_has_linked_is_logged_out(
    client: Client, stranger: Client, ready_worker: Worker, shows: Snapshot
) -> None:
    stores, pages = ready_worker.stores, ready_worker.pages
    connection = await _declared(stores, DECLARED)
    link = await link_to(client)
    await state_of(stranger, link)
    pages.shows = shows
    assert await ready_worker.pool.take(connection.id)
    await _until_state(stores, connection, _S.LOGGED_OUT)
    ended = await stores.connections.get(connection.id)
    assert (ended.reason, ended.linked_number, ended.logins) == (Reason.OTHER_NUMBER, None, 0)
    assert pages.logouts == 1
    assert not await ready_worker.parts.blobs.blobs_of(connection.id)
    assert (await state_of(stranger, link))["stage"] == "other_number"

    assert (await stranger.post("/link/start", headers=by(link))).status == 204
    again = await stores.connections.get(connection.id)
    assert (again.state, again.desired) == (_S.STARTING, "running")


@pytest.mark.parametrize("declared", [None, PHONE])
async def test_the_declared_phone_is_linked_and_any_where_none_was_declared(
    client: Client, stranger: Client, ready_worker: Worker, declared: str | None
) -> None:
    stores = ready_worker.stores
    connection = await stores.connection()
    connection = await stores.connections.change(connection, {"phoneNumber": declared})
    await state_of(stranger, await link_to(client))
    assert await ready_worker.pool.take(connection.id)
    await _until_state(stores, connection, _S.CONNECTED)


async def test_who_may_manage_links_any_phone(client: Client, ready_worker: Worker) -> None:
    stores = ready_worker.stores
    connection = await _declared(stores, DECLARED)
    await link_to(client)
    await client.get("/api/whatsapp/connections/main/qr")
    assert await ready_worker.pool.take(connection.id)
    await _until_state(stores, connection, _S.CONNECTED)


async def test_a_revoked_link_is_not_asked_what_it_allows(
    client: Client, stranger: Client, ready_worker: Worker
) -> None:
    stores = ready_worker.stores
    connection = await _declared(stores, DECLARED)
    await state_of(stranger, await link_to(client))
    await client.delete("/api/whatsapp/connections/main/qr-link")
    assert await ready_worker.pool.take(connection.id)
    await _until_state(stores, connection, _S.CONNECTED)


async def test_no_pairing_code_is_had_by_a_link_for_another_number(
    client: Client, stranger: Client, stores: Stores
) -> None:
    connection, _ = await shows_a_code(stores)
    await stores.connections.change(connection, {"phoneNumber": DECLARED})
    link = await link_to(client)
    body = {"phoneNumber": PHONE}
    answer = await stranger.post("/link/pairing-code", json=body, headers=by(link))
    refused = await answer.json()
    assert (answer.status, refused["code"]) == (409, "other_number")
    assert DECLARED not in str(refused)
    assert (await stores.database["connections"].find_one({"pairing": {"$ne": None}})) is None
