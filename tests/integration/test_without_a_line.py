"""A page without a line to WhatsApp, or one that acknowledges nothing: what becomes of messages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sessions.connections import Connection
from sessions.ids import new_id
from sessions.messages import Draft, Message, MessageStatus
from tests.builders import OWNER, TO, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, make_dispatcher, reaches
from tests.fake_page import FakePage
from tests.waiting import until

IMPATIENT = dispatch_limits(outcome=MOMENT, ghost=MOMENT, tries=1)
STALLS_SOON = replace(IMPATIENT, stalled_after=MOMENT, resend_ghosts=False)


async def _turned_away(page: FakePage, times: int) -> None:
    before = page.turned_away
    await until(lambda: page.turned_away >= before + times)


async def _stays_in_hand(stores: Stores, message: Message) -> Message:
    now = await stores.outbox.find(OWNER, message.id)
    assert now.status is MessageStatus.SENDING
    return now


async def test_what_is_in_hand_when_the_line_dies_is_settled_when_it_is_back(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(held=True)
    async with dispatching(stores, page, lease, IMPATIENT):
        # It dies before the send can have been given up, of which there is no other sign.
        page.before_send = lambda _text: setattr(page, "line", False)
        await _turned_away(page, 3)
        await _stays_in_hand(stores, message)
        page.line = True
        (key,) = page.stored
        page.deliver(key, "as it comes back")
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert (sent.attempts, sent.whatsapp_id) == (1, key)
    assert len(page.delivered) == 1


async def test_what_a_page_has_lost_with_its_line_is_sent_again_under_the_same_id(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(held=True)
    page.before_send = lambda _text: setattr(page, "line", False)
    async with dispatching(stores, page, lease, IMPATIENT):
        await _turned_away(page, 2)
    await _stays_in_hand(stores, message)
    # Loaded anew: what it had stored is there, and it has nothing in hand.
    key = next(iter(page.stored))
    page.outcomes.clear()
    page.line, page.held = True, False
    async with dispatching(stores, page, lease, IMPATIENT):
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert page.resent == [key] == [sent.whatsapp_id]


async def test_without_a_line_nothing_is_sent_nor_blamed(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(line=False)
    async with dispatching(stores, page, lease, IMPATIENT):
        await _turned_away(page, 3)
        waiting = await _stays_in_hand(stores, message)
        page.line = True
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert waiting.whatsapp_id is None
    assert (sent.attempts, len(page.delivered)) == (1, 1)


async def test_a_dispatcher_says_that_the_line_has_left_something_in_hand(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page, stop = FakePage(line=False), asyncio.Event()
    dispatcher = make_dispatcher(stores, page, lease, IMPATIENT)
    task = asyncio.create_task(dispatcher.run(asyncio.Event(), stop))
    await _turned_away(page, 1)
    stop.set()
    await task
    assert dispatcher.line_died
    page.line = True
    later, stop = make_dispatcher(stores, page, lease, IMPATIENT), asyncio.Event()
    task = asyncio.create_task(later.run(asyncio.Event(), stop, blamed=False))
    sent = await reaches(stores, message, MessageStatus.SENT)
    stop.set()
    await task
    assert (later.line_died, sent.taken_up) == (False, 0)


async def test_while_sends_stay_unacknowledged_the_others_wait(stores: Stores) -> None:
    connection, lease = await stores.leased()
    first = await stores.message(connection)
    page, stop = FakePage(held=True), asyncio.Event()
    dispatcher = make_dispatcher(stores, page, lease, STALLS_SOON)
    task = asyncio.create_task(dispatcher.run(asyncio.Event(), stop))
    await reaches(stores, first, MessageStatus.UNKNOWN)
    second = await _message(stores, connection)
    page.held = False
    assert (await stores.outbox.find(OWNER, second.id)).status is MessageStatus.QUEUED
    dispatcher.acknowledged()  # late, for the first
    await reaches(stores, second, MessageStatus.SENT)
    stop.set()
    await task


async def test_a_new_page_is_tried_with_the_next_message_where_nothing_is_in_hand(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    first = await stores.message(connection)
    page = FakePage(held=True)
    async with dispatching(stores, page, lease, STALLS_SOON):
        await reaches(stores, first, MessageStatus.UNKNOWN)
    second = await _message(stores, connection)
    page = FakePage()
    async with dispatching(stores, page, lease, STALLS_SOON):
        await reaches(stores, second, MessageStatus.SENT)


async def test_what_an_earlier_page_left_unknown_does_not_stop_this_one(stores: Stores) -> None:
    connection, lease = await stores.leased()
    ghost = await stores.message(connection)
    assert await stores.queue.claim_next(lease)
    page = FakePage()
    key = await page.prepare(TO)
    await stores.queue.write_down(lease, ghost, key, ghost.to, new_chat=False)
    page.stored[key] = 0
    after = await _message(stores, connection)
    async with dispatching(stores, page, lease, STALLS_SOON):
        await reaches(stores, ghost, MessageStatus.UNKNOWN)
        await reaches(stores, after, MessageStatus.SENT)


async def _message(stores: Stores, connection: Connection) -> Message:
    (message,) = await stores.outbox.add(connection, [Draft(id=new_id(), to=TO, text="next")])
    return message
