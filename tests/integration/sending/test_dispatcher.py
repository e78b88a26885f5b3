"""The dispatcher over the real outbox, with a page double that keeps WhatsApp's rules for ids."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from sessions.common.clock import utc_now
from sessions.common.errors import LeaseLostError
from sessions.common.ids import new_id
from sessions.connections.leases import Lease
from sessions.connections.pacing import Pacing
from sessions.messages.model import Ack, Draft, Message, MessageStatus, Priority
from tests.builders import OWNER, PLAIN, TO, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, make_dispatcher, reaches
from tests.fake_page import FakePage
from tests.waiting import until


async def test_messages_go_out_in_the_order_they_came(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    messages = [await stores.message(connection, f"text {n}") for n in range(20)]
    async with dispatching(stores, page, lease):
        last = await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == [f"text {n}" for n in range(20)]
    assert last.whatsapp_id == page.delivered[-1][0]
    assert last.sent_at is not None


async def test_a_higher_priority_passes_a_lower_one(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    order = (Priority.LOW, Priority.NORMAL, Priority.HIGH)
    messages = [await stores.message(connection, each.name, each) for each in order]
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[0], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["HIGH", "NORMAL", "LOW"]


async def test_a_message_sent_before_a_crash_is_not_sent_again(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage()
    await stores.queue.claim_next(lease)
    key = await page.prepare(message.to)
    await stores.queue.write_down(lease, message, key, message.to, new_chat=False)
    await page.send(key, message.to, PLAIN.open_content(message))
    # Here the worker died: sent in the page, not recorded.
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert page.delivered == [(key, message.text)]


async def test_a_message_read_before_it_was_recorded_is_read(stores: Stores) -> None:
    page = FakePage()
    lease, message, key = await _ghost(stores, page)
    page.stored[key] = 3
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.READ)


async def test_a_message_written_down_but_not_sent_goes_out_under_the_same_id(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage()
    await stores.queue.claim_next(lease)
    key = await page.prepare(message.to)
    await stores.queue.write_down(lease, message, key, message.to, new_chat=False)
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert page.delivered == [(key, message.text)]


async def test_what_was_in_hand_at_a_crash_goes_before_what_came_later(stores: Stores) -> None:
    connection, lease = await stores.leased()
    first = await stores.message(connection, "first")
    assert await stores.queue.claim_next(lease)
    second = await stores.message(connection, "second")
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, second, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["first", "second"]
    assert (await stores.outbox.find(OWNER, first.id)).status is MessageStatus.SENT


async def _ghost(stores: Stores, page: FakePage) -> tuple[Lease, Message, str]:
    """Leave a message stored by a page that died before it sent."""
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    await stores.queue.claim_next(lease)
    key = await page.prepare(message.to)
    await stores.queue.write_down(lease, message, key, message.to, new_chat=False)
    page.stored[key] = 0
    return lease, message, key


async def test_a_ghost_is_sent_again_as_the_same_record(stores: Stores) -> None:
    page = FakePage()
    lease, message, key = await _ghost(stores, page)
    async with dispatching(stores, page, lease, dispatch_limits(ghost=MOMENT)):
        await reaches(stores, message, MessageStatus.SENT)
    assert page.resent == [key]
    assert [sent for sent, _ in page.delivered] == [key]


async def test_a_ghost_is_unknown_where_that_is_not_wanted(stores: Stores) -> None:
    page = FakePage()
    lease, message, _ = await _ghost(stores, page)
    limits = dispatch_limits(ghost=MOMENT, resend_ghosts=False)
    async with dispatching(stores, page, lease, limits):
        unknown = await reaches(stores, message, MessageStatus.UNKNOWN)
    assert unknown.reason == "stored_but_not_acknowledged"
    assert (page.resent, page.delivered) == ([], [])


async def test_what_the_page_still_has_in_hand_is_unknown_and_not_repeated(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(held=True)
    limits = dispatch_limits(outcome=MOMENT, ghost=MOMENT)
    async with dispatching(stores, page, lease, limits):
        await reaches(stores, message, MessageStatus.UNKNOWN)
    assert (page.resent, page.delivered) == ([], [])


async def test_a_page_that_never_prepares_fails_the_message_after_its_tries(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(fail_prepare=100)
    async with dispatching(stores, page, lease, dispatch_limits(tries=3)):
        failed = await reaches(stores, message, MessageStatus.FAILED)
    assert (failed.reason, failed.attempts) == ("chat_not_found", 3)


async def test_a_message_whose_time_ran_out_is_never_sent(stores: Stores) -> None:
    connection, lease = await stores.leased()
    past = utc_now() - timedelta(seconds=1)
    stale = Draft(id=new_id(), to=TO, text="stale", expires_at=past)
    (message,) = await stores.add(connection, [stale])
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.EXPIRED)
        fresh = await stores.message(connection, "fresh")
        await reaches(stores, fresh, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["fresh"]


async def test_a_scheduled_message_waits_for_its_time_and_lets_others_pass(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    soon = Draft(id=new_id(), to=TO, text="later", send_at=utc_now() + timedelta(seconds=1))
    (later,) = await stores.add(connection, [soon])
    now = await stores.message(connection, "now")
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, now, MessageStatus.SENT)
        sent = await reaches(stores, later, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["now", "later"]
    assert sent.sending_at is not None
    assert sent.sending_at >= sent.due_at


async def test_an_ack_that_comes_late_settles_what_was_unknown(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(held=True)
    async with dispatching(stores, page, lease, dispatch_limits(outcome=MOMENT, ghost=MOMENT)):
        unknown = await reaches(stores, message, MessageStatus.UNKNOWN)
    assert unknown.whatsapp_id is not None
    # The chat became a LID meanwhile: only the bare id is the same.
    moved = unknown.whatsapp_id.replace("972501234567@c.us", "99887766@lid")
    assert await stores.queue.record_ack(lease, moved, Ack.READ)
    settled = await stores.outbox.find(OWNER, message.id)
    assert settled.status is MessageStatus.READ
    assert settled.reason is None
    assert settled.sent_at == settled.delivered_at == settled.read_at


async def test_a_send_lost_with_its_page_is_sent_again_under_the_same_id(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(lose_next_send=True)
    async with dispatching(stores, page, lease):
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert [key for key, _ in page.delivered] == [sent.whatsapp_id]


async def test_a_page_that_is_busy_costs_time_and_no_message(stores: Stores) -> None:
    connection, lease = await stores.leased()
    messages = [await stores.message(connection, f"text {n}") for n in range(3)]
    page = FakePage(fail_prepare=4)
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["text 0", "text 1", "text 2"]


async def test_a_number_without_whatsapp_fails_after_two_looks(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    looks: list[str] = []

    def nobody(chat_id: str) -> bool:
        looks.append(chat_id)
        return False

    page = FakePage(registered=nobody)
    async with dispatching(stores, page, lease):
        failed = await reaches(stores, message, MessageStatus.FAILED)
    assert failed.reason == "not_on_whatsapp"
    assert len(looks) == 2


async def test_a_refused_send_fails_with_its_code_and_the_next_goes_out(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(refused="can_not_send_message_to_this_groupType")
    async with dispatching(stores, page, lease):
        failed = await reaches(stores, message, MessageStatus.FAILED)
        page.refused = None
        following = await stores.message(connection, "next")
        await reaches(stores, following, MessageStatus.SENT)
    assert failed.reason == "can_not_send_message_to_this_groupType"


@pytest.mark.parametrize("code", [463, 475])
async def test_a_sign_of_a_ban_pauses_the_connection_and_loses_nothing(
    stores: Stores, code: int
) -> None:
    connection, lease = await stores.leased()
    messages = [await stores.message(connection, f"text {n}") for n in range(3)]
    page = FakePage(nack=code)
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    _, paused = await stores.connections.pace_of(connection.id)
    assert paused is not None
    assert paused.reason in ("timelock", "new_chats_capped")
    assert [text for _, text in page.delivered] == ["resent", "text 1", "text 2"]
    first = await stores.outbox.find(OWNER, messages[0].id)
    assert (first.status, page.resent) == (MessageStatus.SENT, [first.whatsapp_id])


async def test_a_known_number_is_not_asked_for_again(stores: Stores) -> None:
    connection, lease = await stores.leased()
    looks: list[str] = []

    def somebody(chat_id: str) -> bool:
        looks.append(chat_id)
        return True

    messages = [await stores.message(connection) for _ in range(3)]
    async with dispatching(stores, FakePage(registered=somebody), lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert len(looks) == 1


async def test_typing_takes_longer_for_longer_texts(stores: Stores) -> None:
    connection, lease = await stores.leased()
    pacing = Pacing(jitter_seconds=(0, 0))
    await stores.connections.change(connection, {"pacing": pacing.model_dump(by_alias=True)})
    page = FakePage()
    messages = [await stores.message(connection, "x" * length) for length in (1, 50, 5000)]
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert page.typed == sorted(set(page.typed))
    assert timedelta(0) < page.typed[0] < page.typed[-1] <= timedelta(seconds=6)


async def test_nothing_is_sent_once_the_lease_may_be_lost(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage()

    def late() -> None:
        raise LeaseLostError("too late")

    dispatcher = make_dispatcher(stores, page, lease, check_lease=late)
    with pytest.raises(LeaseLostError):
        await dispatcher.run(asyncio.Event(), asyncio.Event())
    assert page.delivered == []
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert len(page.delivered) == 1


async def test_acks_only_move_a_message_forward(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage()
    async with dispatching(stores, page, lease):
        sent = await reaches(stores, message, MessageStatus.SENT)
    key = sent.whatsapp_id or ""
    assert await stores.queue.record_ack(lease, key, Ack.READ)
    assert not await stores.queue.record_ack(lease, key, Ack.DEVICE)
    assert not await stores.queue.record_ack(lease, key, Ack.READ)
    assert (await stores.outbox.find(OWNER, message.id)).status is MessageStatus.READ


async def test_acks_that_come_together_move_each_message_as_far_as_its_own(stores: Stores) -> None:
    connection, lease = await stores.leased()
    messages = [await stores.message(connection, f"text {number}") for number in range(3)]
    page = FakePage()
    async with dispatching(stores, page, lease):
        sent = [await reaches(stores, each, MessageStatus.SENT) for each in messages]
    read, delivered, known = (each.whatsapp_id or "" for each in sent)
    await stores.queue.record_ack(lease, known, Ack.READ)
    acks = {read: Ack.READ, delivered: Ack.DEVICE, known: Ack.DEVICE, "true_x_OTHER": Ack.READ}
    moved = await stores.queue.record_acks(lease, acks)
    assert {each.id: each.status for each in moved} == {
        messages[0].id: MessageStatus.READ,
        messages[1].id: MessageStatus.DELIVERED,
    }
    assert await stores.queue.record_acks(lease, acks) == []
    older = replace(lease, generation=lease.generation - 1)
    assert await stores.queue.record_acks(older, {delivered: Ack.READ}) == []
    assert await stores.queue.record_acks(lease, {}) == []


async def test_a_text_that_looks_like_an_expression_is_kept_as_it_is(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection, "$connection $$NOW שלום 👋🏽")
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert page.delivered[0][1] == "$connection $$NOW שלום 👋🏽"


async def test_an_expired_message_is_out_of_reach_before_that_is_recorded(stores: Stores) -> None:
    connection, lease = await stores.leased()
    past = utc_now() - timedelta(seconds=1)
    stale = Draft(id=new_id(), to=TO, text="stale", expires_at=past)
    (message,) = await stores.add(connection, [stale])
    assert await stores.queue.first_due(lease) is None
    assert await stores.queue.claim_next(lease) is None
    assert (await stores.outbox.find(OWNER, message.id)).status is MessageStatus.QUEUED


async def test_limits_hold_from_the_next_message_on(stores: Stores) -> None:
    connection, lease = await stores.leased()
    messages = [await stores.message(connection, f"text {n}") for n in range(3)]
    page = FakePage(held=True)

    async def held() -> bool:
        now = await stores.connections.get(connection.id)
        return now.held is not None and now.held.reason == "rate_limited_per_minute"

    async with dispatching(stores, page, lease):
        await until(lambda: _is_stored(page, 1))
        page.deliver(next(iter(page.stored)), "text 0")
        await until(lambda: _is_stored(page, 2))
        pacing = Pacing(per_minute=1, jitter_seconds=(0, 0))
        await stores.connections.change(connection, {"pacing": pacing.model_dump(by_alias=True)})
        page.deliver(list(page.stored)[1], "text 1")
        await until(held)
    assert len(page.stored) == 2
    assert (await stores.outbox.find(OWNER, messages[2].id)).status is MessageStatus.QUEUED


async def test_a_long_queue_is_not_searched_for_each_message(stores: Stores) -> None:
    connection, lease = await stores.leased()
    tomorrow = utc_now() + timedelta(days=1)
    scheduled = [Draft(id=new_id(), to=TO, text="later", send_at=tomorrow) for _ in range(300)]
    waiting = [Draft(id=new_id(), to=TO, text=f"{n}") for n in range(300)]
    await stores.add(connection, [*scheduled, *waiting])
    page = FakePage()
    await stores.database.command("profile", 2)
    async with dispatching(stores, page, lease):
        await until(lambda: _is_stored(page, 10))
    await stores.database.command("profile", 0)
    mine = {"ns": f"{stores.database.name}.messages"}
    operations = [each async for each in stores.database["system.profile"].find(mine)]
    assert max(each["docsExamined"] for each in operations) < 20


async def _is_stored(page: FakePage, count: int) -> bool:
    return len(page.stored) >= count
