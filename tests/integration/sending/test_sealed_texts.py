"""With SEAL_TEXTS no text stands anywhere in plain, and messages go out as ever."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr, ValidationError

from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.wiring import build_intake
from control_api.settings import ApiSettings
from sessions.encryption.keys import Key, KeyRing
from sessions.messages.content import Text
from sessions.messages.model import Ack, Message, MessageStatus
from sessions.messages.sealed_texts import Rotated, TextSealer, rotate_texts
from tests.builders import OWNER, Stores
from tests.dispatching import dispatching, reaches
from tests.fake_page import FakePage
from tests.integration.api.test_erasing_recipients import naming
from tests.integration.event_api import EventApi, event_api
from tests.integration.pageless import NoPages, pageless_worker
from tests.logged import logged
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from arq.connections import ArqRedis

    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Database

TEXT = "the code is 123456"
OLD, NEW = Key("old", b"1" * 32), Key("new", b"2" * 32)
BOTH = KeyRing([NEW, OLD])
SEND = "/api/whatsapp/send"
SEALED: dict[str, Any] = {"seal_texts": True, "session_encryption_keys": SecretStr(OLD.text())}


def _reads(*keys: Key, on: bool = True) -> TextSealer:
    return TextSealer(KeyRing(keys), on=on)


def _body(text: str = TEXT, to: str = "+972501234567") -> dict[str, Any]:
    return {"connectionId": "main", "to": to, "message": text}


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    """Have the API seal texts, under a key that the test has too."""
    return api_settings.model_copy(update=SEALED)


@pytest.fixture
async def api(
    database: Database, redis: ArqRedis, api_settings: ApiSettings
) -> AsyncIterator[EventApi]:
    async with event_api(database, redis, api_settings) as api:
        yield api


@pytest.fixture
def stores(api: EventApi) -> Stores:
    """Give a test the stores whose events reach the API's clients."""
    return api.stores


@pytest.fixture
async def lease(stores: Stores) -> Lease:
    return (await stores.leased())[1]


async def _send(
    api: EventApi, text: str = TEXT, to: str = "+972501234567", key: str | None = None
) -> Message:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await api.client.post(SEND, json=_body(text, to), headers=headers)
    assert answer.status == 202, await answer.text()
    return await api.stores.outbox.find(OWNER, (await answer.json())["messageId"])


async def _waits_for_key(stores: Stores, message: Message) -> None:
    async def waits() -> bool:
        found = await stores.outbox.find(OWNER, message.id)
        return (found.status, found.reason) == (MessageStatus.QUEUED, "text_key_missing")

    await until(waits)


async def test_no_text_is_in_any_collection_key_or_log_line_and_messages_go_as_ever(
    api: EventApi, stores: Stores, lease: Lease, database: Database, redis: ArqRedis
) -> None:
    reader = await api.follow()
    with logged("DEBUG") as lines:
        message = await _send(api, key="order-17")
        also = {"to": "+972501234567", "message": f"{TEXT} too"}
        bulk = {"connectionId": "main", "messages": [also]}
        answer = await api.client.post("/api/whatsapp/send/bulk", json=bulk)
        assert answer.status == 202
        events = await reader.until("message.status", messageId=message.id, status="queued")
        digest = hashlib.sha256(json.dumps(_body()).encode()).hexdigest()
        assert await naming(database, redis, TEXT, digest) == set()
        page = FakePage()
        async with dispatching(stores, page, lease, texts=_reads(OLD)):
            last = (await answer.json())["items"][0]["messageId"]
            await reaches(stores, await stores.outbox.find(OWNER, last), MessageStatus.SENT)
        assert [text for _, text in page.delivered] == [TEXT, f"{TEXT} too"]
        assert await stores.queue.record_ack(lease, page.delivered[0][0], Ack.READ)
        events += await reader.until("message.status", messageId=message.id, status="read")
        assert await naming(database, redis, TEXT, digest) == set()
    assert not [line for line in lines if TEXT in line]
    own = [each.data for each in events if each.data.get("messageId") == message.id]
    assert [each["status"] for each in own] == ["queued", "sending", "sent", "read"]
    assert {each["to"] for each in own} == {"972501234567@c.us"}


async def test_the_text_of_a_job_is_sealed_as_soon_as_a_worker_takes_it(
    lease: Lease, stores: Stores, database: Database, redis: ArqRedis, tmp_path: Path
) -> None:
    async with pageless_worker(stores, redis, tmp_path, NoPages(tmp_path), **SEALED) as worker:
        send_message = await build_intake(worker.parts)
        await send_message({"job_id": "order-17"}, _body(), owner=OWNER)
        assert await naming(database, redis, TEXT) == set()
        page = FakePage()
        (found,) = await database["messages"].find({}).to_list(None)
        message = await stores.outbox.find(OWNER, found["_id"])
        async with dispatching(stores, page, lease, texts=worker.parts.texts):
            await reaches(stores, message, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == [TEXT]


@pytest.mark.parametrize("on", [True, False])
async def test_both_kinds_go_out_whether_it_is_on_or_off(
    api: EventApi, stores: Stores, lease: Lease, on: bool
) -> None:
    connection = await stores.connections.get(lease.connection)
    await stores.message(connection, "plain")
    message = await _send(api, "sealed")
    page = FakePage()
    async with dispatching(stores, page, lease, texts=_reads(OLD, on=on)):
        await reaches(stores, message, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["plain", "sealed"]


async def test_a_text_that_was_moved_or_changed_is_not_sent(
    api: EventApi, stores: Stores, lease: Lease, database: Database
) -> None:
    moved, changed, good = [await _send(api, text) for text in ("moved", "changed", "good")]
    messages = database["messages"]
    taken = await messages.find_one({"_id": good.id})
    other = await messages.find_one({"_id": changed.id})
    assert taken is not None
    assert other is not None
    await messages.update_one({"_id": moved.id}, {"$set": {"text": taken["text"]}})
    bent = bytes([other["text"]["sealed"][0] ^ 1]) + other["text"]["sealed"][1:]
    await messages.update_one({"_id": changed.id}, {"$set": {"text.sealed": bent}})
    page = FakePage()
    async with dispatching(stores, page, lease, texts=_reads(OLD)):
        await reaches(stores, good, MessageStatus.SENT)
    for each in (moved, changed):
        failed = await reaches(stores, each, MessageStatus.FAILED)
        assert failed.reason == "text_unreadable"
    assert [text for _, text in page.delivered] == ["good"]


async def test_a_message_waits_for_its_missing_key_and_goes_in_order_when_that_is_back(
    api: EventApi, stores: Stores, lease: Lease
) -> None:
    connection = await stores.connections.get(lease.connection)
    first, second = await _send(api, "first"), await _send(api, "second")
    behind = await stores.message(connection, "plain, to the same")
    other = await stores.message(connection, "plain, to another", to="972509999999@c.us")
    page = FakePage()
    with logged("ERROR") as lines:
        async with dispatching(stores, page, lease, texts=_reads(NEW)):
            await reaches(stores, other, MessageStatus.SENT)
            for each in (first, second, behind):
                await _waits_for_key(stores, each)
    assert [text for _, text in page.delivered] == ["plain, to another"]
    # Nothing was asked of WhatsApp for it, so nothing counts for the pace.
    assert (await stores.outbox.find(OWNER, first.id)).whatsapp_id is None
    assert any("'old'" in line and "SESSION_ENCRYPTION_KEYS" in line for line in lines)
    listed = await (await api.client.get("/api/whatsapp/messages")).json()
    shown = next(each for each in listed["items"] if each["messageId"] == first.id)
    assert (shown["to"], shown["waiting"]["reason"]) == ("972501234567@c.us", "text_key_missing")
    async with dispatching(stores, page, lease, texts=_reads(NEW, OLD)):
        await reaches(stores, behind, MessageStatus.SENT)
    texts = [text for _, text in page.delivered]
    assert texts == ["plain, to another", "first", "second", "plain, to the same"]
    assert (await stores.outbox.find(OWNER, first.id)).attempts == 1


async def test_one_that_has_an_id_keeps_it_while_its_key_is_missing(
    api: EventApi, stores: Stores, lease: Lease
) -> None:
    message, page = await _send(api), FakePage()
    await stores.queue.claim_next(lease)
    key = await page.prepare(message.to)
    await stores.queue.write_down(lease, message, key, message.to, new_chat=False)
    async with dispatching(stores, page, lease, texts=_reads(NEW)):
        await _waits_for_key(stores, message)
    assert page.delivered == []
    async with dispatching(stores, page, lease, texts=_reads(OLD)):
        await reaches(stores, message, MessageStatus.SENT)
    assert page.delivered == [(key, TEXT)]


async def test_a_rotation_moves_texts_and_digests_and_says_what_it_could_not(
    api: EventApi, stores: Stores, lease: Lease, database: Database, redis: ArqRedis
) -> None:
    message = await _send(api, key="order-17")
    plain = await stores.message(await stores.connections.get(lease.connection), "as plain")
    assert await rotate_texts(database, KeyRing([NEW]), plain_too=False) == Rotated(0, 2)
    assert await rotate_texts(database, BOTH, plain_too=False) == Rotated(1, 0)
    assert await naming(database, redis, "as plain") == {"messages"}
    assert await rotate_texts(database, BOTH, plain_too=True) == Rotated(1, 0)
    assert await rotate_texts(database, BOTH, plain_too=True) == Rotated(0, 0)
    assert await naming(database, redis, TEXT, "as plain") == set()
    for each, text in ((message, TEXT), (plain, "as plain")):
        assert _reads(NEW).open_content(await stores.outbox.find(OWNER, each.id)) == Text(text=text)
    assert await database["idempotencyKeys"].distinct("digest.keyId") == ["new"]


async def test_a_request_that_comes_again_is_known_and_another_body_is_refused(
    api: EventApi, lease: Lease, database: Database
) -> None:
    message = await _send(api, key="order-17")
    again = await api.client.post(SEND, json=_body(), headers={"Idempotency-Key": "order-17"})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await again.json())["messageId"] == message.id
    other = await api.client.post(SEND, json=_body("no"), headers={"Idempotency-Key": "order-17"})
    assert (other.status, (await other.json())["code"]) == (422, "idempotency_key_reused")
    assert await database["messages"].count_documents({}) == 1


async def test_a_request_from_before_it_was_on_is_known(
    api: EventApi, lease: Lease, database: Database
) -> None:
    await _send(api, key="order-17")
    digest = hashlib.sha256(json.dumps(_body()).encode()).hexdigest()
    await database["idempotencyKeys"].update_one({}, {"$set": {"digest": digest}})
    await _send(api, key="order-17")
    assert await database["messages"].count_documents({}) == 1


async def test_without_its_key_nobody_guesses_whether_a_request_came_before(
    api: EventApi, lease: Lease, database: Database
) -> None:
    await _send(api, key="order-17")
    await database["idempotencyKeys"].update_one({}, {"$set": {"digest.keyId": "lost"}})
    answer = await api.client.post(SEND, json=_body(), headers={"Idempotency-Key": "order-17"})
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (503, "text_key_missing")
    assert "SESSION_ENCRYPTION_KEYS" in problem["detail"]
    assert await database["messages"].count_documents({}) == 1


@pytest.mark.parametrize("settings", [ApiSettings, WorkerSettings])
def test_in_production_it_needs_keys(settings: type[ApiSettings | WorkerSettings]) -> None:
    with pytest.raises(ValidationError, match=r"seal_texts\n.*SESSION_ENCRYPTION_KEYS"):
        settings(_env_file=None, app_env="production", seal_texts=True)
