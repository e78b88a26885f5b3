"""Many messages without a pace: in order, each once, and nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sessions.common.errors import LeaseLostError
from sessions.connections.leases import Lease
from sessions.messages.model import Message, MessageStatus
from tests.builders import OWNER, TO, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, reaches
from tests.fake_page import FakePage
from tests.waiting import until


async def _queued(stores: Stores, count: int) -> tuple[Lease, list[Message]]:
    connection, lease = await stores.leased()
    return lease, [await stores.message(connection, f"text {n}") for n in range(count)]


def _at(text: str, do: Callable[[], None]) -> Callable[[str], None]:
    """Return what does something when this text is about to be sent, once."""
    left = [text]

    def before_send(sent: str) -> None:
        if sent in left:
            left.remove(sent)
            do()

    return before_send


async def test_each_is_sent_once_in_its_turn_and_told_about(stores: Stores) -> None:
    lease, messages = await _queued(stores, 20)
    page = FakePage()
    stores.events.take()
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == [each.text for each in messages]
    for message, (key, _) in zip(messages, page.delivered, strict=True):
        sent = await stores.outbox.find(OWNER, message.id)
        assert (sent.status, sent.whatsapp_id, sent.attempts) == (MessageStatus.SENT, key, 1)
        assert sent.sent_at == sent.status_at
    told: dict[str, list[str]] = {}
    for event in stores.events.take():
        data = json.loads(event.data)
        if "messageId" in data:
            told.setdefault(data["messageId"], []).append(data["status"])
    assert told == {each.id: ["sending", "sent"] for each in messages}


async def test_a_number_is_asked_about_once_and_its_chat_is_new_once(stores: Stores) -> None:
    connection, lease = await stores.leased()
    numbers = [f"97250000000{n}@c.us" for n in range(5)]
    looks: list[str] = []

    def registered(chat_id: str) -> bool:
        looks.append(chat_id)
        return True

    page = FakePage(registered=registered)
    messages = [await stores.message(connection, to, to=to) for to in numbers * 2]
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == numbers * 2
    assert looks == numbers
    new = stores.database["messages"].find({"newChat": True}, sort=[("seq", 1)])
    assert [each["to"] async for each in new] == numbers


async def test_what_waits_behind_a_slow_send_can_be_taken_back(stores: Stores) -> None:
    lease, messages = await _queued(stores, 5)
    page = FakePage()
    page.before_send = _at("text 1", lambda: setattr(page, "held", True))
    async with dispatching(stores, page, lease):
        await until(lambda: len(page.stored) == 2)
        cancelled = await stores.outbox.cancel(OWNER, messages[2].id)
        page.held = False
        page.deliver(list(page.stored)[1], "text 1")
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert cancelled.status is MessageStatus.CANCELLED
    others = [each.text for each in messages if each is not messages[2]]
    assert [text for _, text in page.delivered] == others


async def test_a_page_that_is_loaded_anew_on_the_way_repeats_and_loses_nothing(
    stores: Stores,
) -> None:
    lease, messages = await _queued(stores, 10)
    page = FakePage()
    page.before_send = _at("text 5", lambda: setattr(page, "lose_next_send", True))
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == [each.text for each in messages]


async def test_a_newer_owner_is_out_of_reach(stores: Stores) -> None:
    lease, (message,) = await _queued(stores, 1)
    assert await stores.queue.claim_next(lease)
    await stores.queue.left_over(replace(lease, generation=lease.generation + 1))
    with pytest.raises(LeaseLostError):
        await stores.queue.write_down(lease, message, "true_x_A", TO, new_chat=False)
    with pytest.raises(LeaseLostError):
        await stores.queue.settle(lease, message, MessageStatus.SENT)
    with pytest.raises(LeaseLostError):
        await stores.queue.put_back(lease, message)
    kept = await stores.outbox.find(OWNER, message.id)
    assert (kept.status, kept.whatsapp_id) == (MessageStatus.SENDING, None)
    assert await stores.queue.claim_next(lease) is None


async def test_a_pause_holds_all_that_a_crash_has_left_in_hand(stores: Stores) -> None:
    """Earlier versions had several in hand."""
    lease, messages = await _queued(stores, 6)
    page = FakePage(nack=463)
    for n in range(4):
        claimed = await stores.queue.claim_next(lease)
        assert claimed
        key = f"true_{TO}_ID9{n}"
        await stores.queue.write_down(lease, claimed, key, TO, new_chat=False)
    async with dispatching(stores, page, lease, ban_pause=timedelta(hours=1)):
        await until(lambda: _is_queued(stores, messages[3]))
    assert page.delivered == []
    left = [await stores.outbox.find(OWNER, each.id) for each in messages]
    assert {each.status for each in left} == {MessageStatus.QUEUED}
    assert len([each for each in left if each.whatsapp_id]) == 4
    async with dispatching(stores, page, lease, dispatch_limits(ghost=MOMENT)):
        over = {"$unset": {"paused": ""}}
        await stores.database["connections"].update_one({"_id": lease.connection}, over)
        await reaches(stores, messages[-1], MessageStatus.SENT)
    sent = [(await stores.outbox.find(OWNER, each.id)).whatsapp_id for each in messages]
    assert [key for key, _ in page.delivered] == sent


async def _is_queued(stores: Stores, message: Message) -> bool:
    return (await stores.outbox.find(OWNER, message.id)).status is MessageStatus.QUEUED
