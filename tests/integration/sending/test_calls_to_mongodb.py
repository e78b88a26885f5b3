"""What a message costs MongoDB: so many calls and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient, TestServer

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.snapshot import AckUpdate
from chatgrow_worker.sending.acks import AckRecorder
from control_api.app import build_app
from control_api.services import Services
from sessions.accounts.api_keys import Grant
from sessions.common.clock import utc_now
from sessions.connections.pacing import Pacing
from sessions.connections.states import Reason
from sessions.messages.model import Ack, MessageStatus
from sessions.metrics.process import ProcessMetrics
from tests.builders import OWNER, Stores
from tests.dispatching import dispatching, reaches
from tests.fake_page import FakePage
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database
    from tests.seen_commands import SeenCommands

    Client = TestClient[web.Request, web.Application]

SEND = "/api/whatsapp/send"
BODY = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
_QUOTA = ("find connections", "aggregate messages")
"""What counts an owner's messages that wait, every two seconds at most and not for each message."""


async def test_an_accepted_message_costs_three_calls(
    noted: tuple[Database, SeenCommands],
    stores: Stores,
    redis: ArqRedis,
    api_settings: ApiSettings,
) -> None:
    database, seen = noted
    services = await Services.over(database, redis, stores.events, api_settings, utc_now)
    user = await services.users.create("dana@example.com", "Dana", "a hash", utc_now())
    _, key = await services.keys.create(Grant(user.id, "a backend"), utc_now())
    await stores.connection(owner=user.id)
    app = build_app(services, upkeep=False)  # what it asks is not for this message
    async with TestClient(TestServer(app), headers={"X-Api-Key": key}) as client:
        seen.all.clear()
        async with client.post(SEND, json=BODY) as answer:
            assert answer.status == 202
    assert [each for each in seen.names() if each not in _QUOTA] == [
        "aggregate apiKeys",
        "findAndModify connections",
        "insert messages",
    ]


async def test_a_paced_message_to_a_known_chat_costs_six_calls_until_it_is_read(
    noted: tuple[Database, SeenCommands], stores: Stores
) -> None:
    database, seen = noted
    connection, lease = await stores.leased()
    pacing = Pacing(jitter_seconds=(0.1, 0.1)).model_dump(by_alias=True)
    await stores.connections.change(connection, {"pacing": pacing})
    page = FakePage(typing_shows=False)
    counted = Stores(database, stores.events)
    acks = AckRecorder(page, counted.queue, lease, WorkerMetrics(ProcessMetrics()))
    async with dispatching(counted, page, lease):
        first = await stores.message(connection, "the chat is new")
        await reaches(stores, first, MessageStatus.SENT)
        seen.all.clear()
        message = await stores.message(connection)
        key = str((await reaches(stores, message, MessageStatus.SENT)).whatsapp_id)
        for serial, ack in enumerate((Ack.DEVICE, Ack.READ), 1):
            await acks.record_new("epoch", [AckUpdate(key=key, ack=ack, serial=serial)])
        await reaches(stores, message, MessageStatus.READ)
    seen.all = [each for each in seen.all if not _is_polling(each)]
    assert seen.names() == [
        "find connections",
        *["findAndModify messages"] * 5,
    ]


async def test_a_new_owner_paces_what_the_one_before_has_sent(stores: Stores) -> None:
    connection, lease = await stores.leased()
    pacing = Pacing(per_minute=1, jitter_seconds=(0, 0)).model_dump(by_alias=True)
    await stores.connections.change(connection, {"pacing": pacing})
    first, second = [await stores.message(connection, text) for text in ("first", "second")]
    page = FakePage()

    async def held() -> bool:
        return (await stores.connections.get(connection.id)).held is not None

    async with dispatching(stores, page, lease):
        await reaches(stores, first, MessageStatus.SENT)
        await until(held)
    await stores.connections.hold(lease, None, None)
    await stores.leases().release(lease, Reason.WAITING_FOR_WORKER)
    newer = await stores.leases("another").acquire(connection.id)
    assert newer is not None
    async with dispatching(stores, page, newer):
        await until(held)
    assert [text for _, text in page.delivered] == ["first"]
    assert (await stores.outbox.find(OWNER, second.id)).status is MessageStatus.QUEUED


def _is_polling(command: dict[str, Any]) -> bool:
    """Tell what is asked every few seconds: whether anything waits, has expired or is due next."""
    asks = command.get("filter", {})
    return "distinct" in command or "expiresAt" in asks or command.get("sort") == {"dueAt": 1}
