"""A page without a line to WhatsApp, or one that acknowledges nothing: what becomes of messages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chatgrow_worker.page.errors import LineDeadError
from chatgrow_worker.page.snapshot import Outcome
from sessions.common.ids import new_id
from sessions.connections.model import Connection
from sessions.messages.content import Content, Text
from sessions.messages.model import Draft, Message, MessageStatus
from tests.builders import OWNER, TO, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, make_dispatcher, reaches
from tests.fake_page import FakePage
from tests.waiting import until

BACK_AFTER = timedelta(milliseconds=5)
IMPATIENT = dispatch_limits(outcome=MOMENT, ghost=MOMENT, tries=1)
STALLS_SOON = replace(IMPATIENT, stalled_after=MOMENT, resend_ghosts=False)


@dataclass
class LineGoesAfterPreparing(FakePage):
    """Loses its line between the preparing of the first message and its send."""

    async def prepare(self, chat_id: str, typing: timedelta = timedelta(0)) -> str:
        key = await super().prepare(chat_id, typing)
        self.line = not key.endswith("_ID1")
        return key


@dataclass
class LineKiller(FakePage):
    """Its line dies at one text or chat, and comes back by itself soon."""

    kills: str = ""
    kills_at: str = ""
    stores_it: bool = True
    """Whether the page keeps what kills its line."""
    loads_anew: bool = True
    """Whether the page is loaded anew then, and has nothing in hand any more."""
    dies_anyway: bool = False
    """Whether the line dies as soon when nothing is sent."""
    deaths: int = 0

    def _dies(self) -> None:
        self.line = False
        self.deaths += 1
        asyncio.get_running_loop().call_later(BACK_AFTER.total_seconds(), self._comes_back)

    def _comes_back(self) -> None:
        if self.loads_anew:
            self.outcomes.clear()
        self.line = True

    async def prepare(self, chat_id: str, typing: timedelta = timedelta(0)) -> str:
        if chat_id == self.kills_at:
            self._dies()
            raise LineDeadError
        return await super().prepare(chat_id, typing)

    async def send(
        self, key: str, chat_id: str, content: Content, refers_to: str | None = None, *more: Any
    ) -> None:
        if content != Text(text=self.kills):
            await super().send(key, chat_id, content, refers_to)
            return
        self._begin(key)
        if self.stores_it:
            self.stored[key] = 0

    async def resend(self, key: str, chat_id: str, *more: Any) -> None:
        self._begin(key)

    def _begin(self, key: str) -> None:
        self.check_line()
        self._dies()
        self.outcomes[key] = Outcome(state="pending")

    async def outcome(self, key: str) -> Outcome:
        outcome = await super().outcome(key)
        if self.line and outcome.state == "pending" and self.kills:
            self._dies()  # the page tries again by itself as soon as it has a line
        return outcome

    async def has_line(self) -> bool:
        if self.line and self.dies_anyway:
            self._dies()
        return await super().has_line()


async def _is_back(stores: Stores, message: Message) -> Message:
    async def there() -> bool:
        now = await stores.outbox.find(OWNER, message.id)
        return now.status is MessageStatus.QUEUED and now.whatsapp_id is not None

    await until(there)
    return await stores.outbox.find(OWNER, message.id)


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
        await reaches(stores, message, MessageStatus.QUEUED)
        page.line = True
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert (sent.attempts, len(page.delivered)) == (1, 1)


async def test_what_was_never_handed_to_a_page_without_a_line_can_be_cancelled(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    (message, other) = [await stores.message(connection, text) for text in ("first", "other")]
    page = FakePage(line=False)
    async with dispatching(stores, page, lease, IMPATIENT):
        await _turned_away(page, 2)
        await reaches(stores, message, MessageStatus.QUEUED)
        await stores.outbox.cancel(OWNER, message.id)
        page.line = True
        sent = await reaches(stores, other, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["other"]
    assert sent.attempts == 1


async def test_what_the_page_refuses_for_want_of_a_line_goes_back_with_its_id(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = LineGoesAfterPreparing()
    async with dispatching(stores, page, lease, IMPATIENT):
        back = await _is_back(stores, message)
        page.line = True
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert (back.status, back.whatsapp_id) == (MessageStatus.QUEUED, sent.whatsapp_id)
    assert (sent.attempts, len(page.delivered)) == (1, 1)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("loads", [True, False])
async def test_a_message_that_kills_every_line_does_not_hold_the_others_for_ever(
    stores: Stores, stored: bool, loads: bool
) -> None:
    connection, lease = await stores.leased()
    bad = await stores.message(connection, "bad")
    good = await stores.message(connection, "good")
    page = LineKiller(kills="bad", stores_it=stored, loads_anew=loads)
    limits = dispatch_limits(ghost=MOMENT, tries=3)
    async with dispatching(stores, page, lease, limits):
        ended = await reaches(stores, bad, MessageStatus.UNKNOWN)
        await reaches(stores, good, MessageStatus.SENT)
    assert ended.reason == "page_error"
    assert page.deaths == 1 + limits.tries
    assert [text for _, text in page.delivered] == ["good"]


async def test_a_recipient_at_whom_every_line_dies_does_not_hold_the_others_for_ever(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    bad = await stores.message(connection, "bad", to="15550001111@c.us")
    good = await stores.message(connection, "good")
    page = LineKiller(kills_at="15550001111@c.us")
    async with dispatching(stores, page, lease, dispatch_limits(tries=3)):
        ended = await reaches(stores, bad, MessageStatus.FAILED)
        await reaches(stores, good, MessageStatus.SENT)
    assert ended.reason == "page_error"


async def test_a_line_that_dies_without_the_message_too_is_not_blamed_on_it(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection, "bad")
    page = LineKiller(kills="bad", stores_it=False, loads_anew=True, dies_anyway=True)
    limits = dispatch_limits(tries=3)
    async with dispatching(stores, page, lease, limits):
        await until(lambda: page.deaths > 3 * limits.tries)
        await _stays_in_hand(stores, message)
        page.kills, page.dies_anyway = "", False
        await reaches(stores, message, MessageStatus.SENT)
    assert len(page.delivered) == 1


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
    (message,) = await stores.add(connection, [Draft(id=new_id(), to=TO, text="next")])
    return message
