"""Of a deleted connection nothing is left after its grace: no text, and no number."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api import background
from control_api.app import build_app
from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.deletion.recipients import DeletedData
from sessions.events.stream import EventStream
from sessions.messages.model import Draft
from tests.builders import OWNER, Stores
from tests.integration.api.test_erasing_recipients import CHAT, DIGITS, naming, publish
from tests.integration.conftest import KEY
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client

TEXT = "a text that nobody shall keep"


async def _used(stores: Stores, services: Services, redis: ArqRedis, messages: int = 3) -> None:
    connection = await stores.connection()
    drafts = [Draft(id=new_id(), to=CHAT, text=TEXT) for _ in range(messages)]
    await stores.add(connection, drafts)
    await services.checks.ask(connection.id, CHAT)
    await publish(stores, redis)


async def test_all_goes_after_the_grace(
    stores: Stores,
    database: Database,
    redis: ArqRedis,
    api_settings: ApiSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The API looks every ten seconds; nothing else is different here.
    monkeypatch.setattr(background, "_DELETED_DATA_EVERY", timedelta(milliseconds=20))
    settings = api_settings.model_copy(update={"deleted_data_grace": timedelta(milliseconds=1)})
    services = await Services.over(database, redis, stores.events, settings, utc_now)
    await services.keys.choose_first(KEY, utc_now())
    await _used(stores, services, redis)
    headers = {"X-Api-Key": KEY}
    async with TestClient(TestServer(build_app(services)), headers=headers) as client:
        assert (await client.delete("/api/whatsapp/connections/main")).status in (202, 204)
        await publish(stores, redis)

        async def gone() -> bool:
            return await naming(database, redis, DIGITS, TEXT) == set()

        await until(gone)


async def test_until_then_what_became_of_messages_can_be_looked_up(
    client: Client, stores: Stores, services: Services, redis: ArqRedis
) -> None:
    await _used(stores, services, redis)
    await client.delete("/api/whatsapp/connections/main")
    await services.deleted_data.remove(utc_now() - services.settings.deleted_data_grace)
    found = await (await client.get("/api/whatsapp/messages")).json()
    assert {each["status"] for each in found["items"]} == {"cancelled"}


async def test_a_removal_that_was_cut_off_goes_on(
    client: Client,
    stores: Stores,
    services: Services,
    database: Database,
    redis: ArqRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await _used(stores, services, redis, 2500)
    await client.delete("/api/whatsapp/connections/main")
    later = utc_now() + timedelta(minutes=1)

    async def cut_off(*_: object) -> int:
        raise ConnectionError

    with monkeypatch.context() as context:
        context.setattr(EventStream, "erase_connections", cut_off)
        with pytest.raises(ConnectionError):
            await DeletedData(database, redis).remove(later)
    await DeletedData(database, redis).remove(later)
    assert await database["messages"].count_documents({"owner": OWNER}) == 0


async def test_a_key_of_a_deleted_connection_is_refused_after_the_grace_too(
    client: Client, services: Services, database: Database
) -> None:
    body = {"connectionId": "main", "to": f"+{DIGITS}", "message": TEXT}
    headers = {"Idempotency-Key": "one"}
    await client.post("/api/whatsapp/connections", json={"connectionId": "main"})
    assert (await client.post("/api/whatsapp/send", json=body, headers=headers)).status == 202
    (before,) = await database["idempotencyKeys"].distinct("digest")
    assert (await client.delete("/api/whatsapp/connections/main")).status == 204
    await services.deleted_data.remove(utc_now() + timedelta(minutes=1))
    # Whoever knows the text could find the number by its hash.
    assert before not in await database["idempotencyKeys"].distinct("digest")
    await client.post("/api/whatsapp/connections", json={"connectionId": "main"})
    async with client.post("/api/whatsapp/send", json=body, headers=headers) as again:
        assert (again.status, (await again.json())["code"]) == (422, "idempotency_key_reused")
