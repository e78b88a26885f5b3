"""Over a line that is cut, the client does everything, and nothing twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from chatgrow_client import (
    NO_RETRIES,
    AsyncClient,
    Client,
    ConflictError,
    NoAnswerError,
)
from chatgrow_client.models import MessageRequest, MessageStatus
from tests.integration.client.conftest import QUICK
from tests.integration.client.cut_line import CutLine, Fate
from tests.integration.conftest import KEY

if TYPE_CHECKING:
    from tests.builders import Stores

TO = "+972501234567"
FATES = [*Fate]


async def _messages(stores: Stores) -> int:
    return await stores.database["messages"].count_documents({})


@pytest.fixture(autouse=True)
async def connection(chatgrow: AsyncClient, line: CutLine) -> None:
    await chatgrow.connections.create("main")
    line.cut()


@pytest.mark.parametrize("fate", FATES)
async def test_a_send_is_one_message(
    chatgrow: AsyncClient, line: CutLine, stores: Stores, fate: Fate
) -> None:
    line.fates.extend([fate, fate, Fate.UNHEARD])
    sent = await chatgrow.messages.send("main", TO, "Hello")
    assert not line.fates
    assert [each.message_id async for each in chatgrow.messages.list()] == [sent.message_id]
    assert await _messages(stores) == 1


async def test_a_client_that_blocks_sends_one_message_too(
    address: str, line: CutLine, stores: Stores
) -> None:
    def send() -> str:
        with Client(address, KEY, retries=QUICK) as chatgrow:
            return chatgrow.messages.send("main", TO, "Hello").message_id

    line.fates.extend(FATES)
    sent = await asyncio.to_thread(send)
    assert not line.fates
    assert await stores.database["messages"].distinct("_id") == [sent]


async def test_a_bulk_is_accepted_once(
    chatgrow: AsyncClient, line: CutLine, stores: Stores
) -> None:
    line.fates.extend([Fate.LOST_ANSWER, Fate.HALF_ANSWER])
    asked = [MessageRequest(to=TO, message=f"Hello {number}") for number in range(3)]
    accepted = await chatgrow.messages.send_bulk("main", asked)
    assert len(accepted.items) == await _messages(stores) == 3


async def test_what_was_given_up_is_sent_later_under_its_key(
    address: str, line: CutLine, stores: Stores
) -> None:
    line.fates.append(Fate.LOST_ANSWER)
    async with AsyncClient(address, KEY, retries=NO_RETRIES) as chatgrow:
        with pytest.raises(NoAnswerError) as raised:
            await chatgrow.messages.send("main", TO, "Hello")
        key = raised.value.idempotency_key
        sent = await chatgrow.messages.send("main", TO, "Hello", idempotency_key=key)
    assert await stores.database["messages"].distinct("_id") == [sent.message_id]


async def test_a_connection_is_created_and_deleted_though_the_answers_are_lost(
    chatgrow: AsyncClient, line: CutLine
) -> None:
    line.fates.append(Fate.LOST_ANSWER)
    created = await chatgrow.connections.create("second", name="Second")
    assert created.name == "Second"
    line.cut()
    line.fates.append(Fate.LOST_ANSWER)
    await chatgrow.connections.delete("second")
    assert [each.connection_id async for each in chatgrow.connections.list()] == ["main"]


async def test_a_connection_that_was_there_before_is_an_error(chatgrow: AsyncClient) -> None:
    with pytest.raises(ConflictError, match="connection_exists"):
        await chatgrow.connections.create("main")


async def test_a_message_is_cancelled_though_the_answer_is_lost(
    chatgrow: AsyncClient, line: CutLine
) -> None:
    sent = await chatgrow.messages.send("main", TO, "Hello")
    line.cut()
    line.fates.append(Fate.LOST_ANSWER)
    cancelled = await chatgrow.messages.cancel(sent.message_id)
    assert cancelled.status is MessageStatus.CANCELLED
    with pytest.raises(ConflictError, match="wrong_status"):
        await chatgrow.messages.cancel(sent.message_id)


async def test_what_has_no_key_is_not_done_twice(
    chatgrow: AsyncClient, line: CutLine, stores: Stores
) -> None:
    line.fates.append(Fate.LOST_ANSWER)
    with pytest.raises(NoAnswerError):
        await chatgrow.webhooks.create("https://crm.example.com/hook")
    assert await stores.database["webhooks"].count_documents({}) == 1
