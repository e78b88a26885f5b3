"""Messages that go out together: in order, each once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sessions.clock import utc_now
from sessions.errors import LeaseLostError
from sessions.ids import new_id
from sessions.leases import Lease
from sessions.messages import Ack, Draft, Message, MessageStatus, Priority
from sessions.pacing import Pacing
from tests.builders import OWNER, TO, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, make_dispatcher, reaches
from tests.fake_page import FakePage
from tests.waiting import until

REFUSED = "can_not_send"


async def _queued(stores: Stores, count: int) -> tuple[Lease, list[Message]]:
    connection, lease = await stores.leased()
    return lease, [await stores.message(connection, f"text {n}") for n in range(count)]


async def _statuses(stores: Stores, messages: list[Message]) -> list[MessageStatus]:
    return [(await stores.outbox.find(OWNER, each.id)).status for each in messages]


def _at(text: str, do: Callable[[], None]) -> Callable[[str], None]:
    """Return what does something when this text is about to be sent, once."""
    left = [text]

    def before_send(sent: str) -> None:
        if sent in left:
            left.remove(sent)
            do()

    return before_send


async def test_without_a_pace_messages_go_together_in_their_order(stores: Stores) -> None:
    lease, messages = await _queued(stores, 40)
    page = FakePage()
    stores.events.take()
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == [each.text for each in messages]
    assert max(page.in_turn) > 1
    for message, (key, _) in zip(messages, page.delivered, strict=True):
        sent = await stores.outbox.find(OWNER, message.id)
        assert (sent.status, sent.whatsapp_id, sent.attempts) == (MessageStatus.SENT, key, 1)
        assert sent.sent_at == sent.status_at


@pytest.mark.parametrize(
    ("lasts", "together"), [(timedelta(hours=1), True), (timedelta(seconds=50), False)]
)
async def test_what_may_expire_behind_others_goes_by_itself(
    stores: Stores, lasts: timedelta, together: bool
) -> None:
    connection, lease = await stores.leased()
    expires_at = utc_now() + lasts
    drafts = [Draft(id=new_id(), to=TO, text=f"{n}", expires_at=expires_at) for n in range(20)]
    messages = await stores.outbox.add(connection, drafts)
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert bool(page.in_turn) is together
    assert [text for _, text in page.delivered] == [each.text for each in messages]


async def test_each_message_of_a_burst_is_told_about(stores: Stores) -> None:
    lease, messages = await _queued(stores, 20)
    stores.events.take()
    async with dispatching(stores, FakePage(), lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    told: dict[str, list[str]] = {}
    for event in stores.events.take():
        data = json.loads(event.data)
        if "messageId" in data:
            told.setdefault(data["messageId"], []).append(data["status"])
    assert told == {each.id: ["sending", "sent"] for each in messages}


async def test_the_first_message_to_a_number_goes_alone(stores: Stores) -> None:
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


async def test_with_a_pace_each_message_goes_alone(stores: Stores) -> None:
    connection, lease = await stores.leased()
    pacing = Pacing(jitter_seconds=(0, 0), typing=False)
    await stores.connections.change(connection, {"pacing": pacing.model_dump(by_alias=True)})
    messages = [await stores.message(connection, f"text {n}") for n in range(6)]
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert page.in_turn == []


async def test_a_refused_message_fails_and_those_behind_it_go_out(stores: Stores) -> None:
    lease, messages = await _queued(stores, 20)
    page = FakePage()

    def before_send(text: str) -> None:
        page.refused = REFUSED if text == "text 5" else None

    page.before_send = before_send
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    others = [each.text for each in messages if each is not messages[5]]
    assert [text for _, text in page.delivered] == others
    failed = await stores.outbox.find(OWNER, messages[5].id)
    assert (failed.status, failed.reason) == (MessageStatus.FAILED, REFUSED)


async def test_a_sign_of_a_ban_keeps_those_behind_it_back(stores: Stores) -> None:
    lease, messages = await _queued(stores, 20)
    page = FakePage()
    page.before_send = _at("text 5", lambda: setattr(page, "nack", 463))

    async def paused() -> bool:
        _, pause = await stores.connections.pace_of(lease.connection)
        return pause is not None

    async with dispatching(stores, page, lease, ban_pause=timedelta(hours=1)):
        await until(paused)
        await until(lambda: _is_queued(stores, messages[-1]))
    assert len(page.delivered) == 5
    left = [await stores.outbox.find(OWNER, each.id) for each in messages[5:]]
    assert {each.status for each in left} == {MessageStatus.QUEUED}
    assert [each.attempts for each in left] == [1, *[0] * 14]


async def _is_queued(stores: Stores, message: Message) -> bool:
    return (await stores.outbox.find(OWNER, message.id)).status is MessageStatus.QUEUED


async def test_what_waits_behind_a_slow_send_can_be_taken_back(stores: Stores) -> None:
    lease, messages = await _queued(stores, 20)
    page = FakePage()
    page.before_send = _at("text 5", lambda: setattr(page, "held", True))
    async with dispatching(stores, page, lease):
        await until(lambda: len(page.stored) == 6)
        await until(lambda: _is_queued(stores, messages[6]))
        cancelled = await stores.outbox.cancel(OWNER, messages[6].id)
        left = [await stores.outbox.find(OWNER, each.id) for each in messages[7:]]
        page.held = False
        page.deliver(list(page.stored)[5], "text 5")
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert cancelled.status is MessageStatus.CANCELLED
    others = [each.text for each in messages if each is not messages[6]]
    assert [text for _, text in page.delivered] == others
    keys = {text: key for key, text in page.delivered}
    written = {each.text: each.whatsapp_id for each in left if each.whatsapp_id}
    assert written
    assert written.items() <= keys.items()


async def test_a_page_that_is_loaded_anew_in_a_burst_repeats_and_loses_nothing(
    stores: Stores,
) -> None:
    lease, messages = await _queued(stores, 20)
    page = FakePage()
    page.before_send = _at("text 5", lambda: setattr(page, "lose_next_send", True))
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == [each.text for each in messages]
    assert set(await _statuses(stores, messages)) == {MessageStatus.SENT}


async def test_a_burst_that_cannot_be_prepared_goes_one_by_one(stores: Stores) -> None:
    lease, messages = await _queued(stores, 20)
    page = FakePage()
    page.before_send = _at("text 0", lambda: setattr(page, "fail_next_preparing_of_many", True))
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert page.fail_next_preparing_of_many is False
    assert [text for _, text in page.delivered] == [each.text for each in messages]
    attempts = {(await stores.outbox.find(OWNER, each.id)).attempts for each in messages}
    assert attempts == {1}


async def test_an_ack_that_overtakes_the_record_of_a_burst_stays(stores: Stores) -> None:
    lease, messages = await _queued(stores, 3)
    claimed = await stores.queue.bursts.claim(lease, 16, lambda _message: True)
    keys = [f"true_x_ID{n}" for n in range(3)]
    await stores.queue.bursts.write_down(lease, claimed, keys, [TO] * 3)
    await stores.queue.record_ack(lease, keys[1], Ack.READ)
    stores.events.take()
    settled = await stores.queue.bursts.settle_sent(lease, claimed)
    wanted = [MessageStatus.SENT, MessageStatus.READ, MessageStatus.SENT]
    assert [each.status for each in settled] == wanted
    assert await _statuses(stores, messages) == wanted
    told = [json.loads(each.data)["messageId"] for each in stores.events.take()]
    assert told == [messages[0].id, messages[2].id]


async def test_a_newer_owner_is_out_of_reach_of_a_burst(stores: Stores) -> None:
    lease, messages = await _queued(stores, 3)
    claimed = await stores.queue.bursts.claim(lease, 16, lambda _message: True)
    newer = replace(lease, generation=lease.generation + 1)
    await stores.queue.left_over(newer)
    keys = ["true_x_A", "true_x_B", "true_x_C"]
    with pytest.raises(LeaseLostError):
        await stores.queue.bursts.write_down(lease, claimed, keys, [TO] * 3)
    with pytest.raises(LeaseLostError):
        await stores.queue.bursts.settle_sent(lease, claimed)
    await stores.queue.bursts.put_back(lease, claimed)
    kept = [await stores.outbox.find(OWNER, each.id) for each in messages]
    assert {each.status for each in kept} == {MessageStatus.SENDING}
    assert {each.whatsapp_id for each in kept} == {None}
    assert await stores.queue.bursts.claim(lease, 16, lambda _message: True) == []


async def test_a_burst_ends_before_what_does_not_fit_and_takes_the_urgent_first(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    texts = ["a", "b", "other", "c"]
    for text in texts:
        await stores.message(connection, text)
    await stores.message(connection, "urgent", Priority.HIGH)

    def fits(message: Message) -> bool:
        return message.text != "other"

    claimed = await stores.queue.bursts.claim(lease, 16, fits)
    assert [each.text for each in claimed] == ["urgent", "a", "b"]
    assert await stores.queue.bursts.claim(lease, 16, fits) == []
    single = await stores.queue.claim_next(lease)
    assert single is not None
    assert single.text == "other"
    assert await stores.queue.bursts.claim(lease, 16, fits) == []  # one alone is no burst


async def test_nothing_of_a_burst_is_sent_once_the_lease_may_be_lost(stores: Stores) -> None:
    lease, messages = await _queued(stores, 20)
    page = FakePage()

    def late() -> None:
        if page.delivered:
            raise LeaseLostError("too late")

    dispatcher = make_dispatcher(stores, page, lease, check_lease=late)
    with pytest.raises(LeaseLostError):
        await dispatcher.run(asyncio.Event(), asyncio.Event())
    assert len(page.delivered) == 1
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == [each.text for each in messages]


async def test_after_a_crash_in_a_burst_a_pause_holds_the_rest_of_it(stores: Stores) -> None:
    lease, messages = await _queued(stores, 6)
    page = FakePage(nack=463)
    claimed = await stores.queue.bursts.claim(lease, 16, lambda _message: True)
    await stores.queue.bursts.write_down(
        lease, claimed[:4], [f"true_{TO}_ID9{n}" for n in range(4)], [TO] * 4
    )
    async with dispatching(stores, page, lease, ban_pause=timedelta(hours=1)):
        await until(lambda: _is_queued(stores, messages[-1]))
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
