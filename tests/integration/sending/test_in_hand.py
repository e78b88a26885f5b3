"""What becomes of a message that was in hand, or tried, when something went wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from chatgrow_worker.page.errors import PageBrokenError, PageNotLoadedError
from chatgrow_worker.page.snapshot import LookUp, Outcome
from sessions.common.ids import new_id
from sessions.connections.leases import Lease
from sessions.connections.model import Connection
from sessions.connections.states import Reason
from sessions.messages.model import Ack, Draft, Message, MessageStatus
from tests.builders import LONG, OWNER, TO, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, make_dispatcher, reaches
from tests.fake_page import FakePage


@dataclass(frozen=True)
class InHand:
    """A message that was claimed and, with a key, written down and perhaps stored in the page."""

    connection: Connection
    lease: Lease
    message: Message
    key: str


async def _in_hand(
    stores: Stores, page: FakePage, ack: int | None = None, *, expired: bool = False
) -> InHand:
    connection, lease = await stores.leased()
    draft = Draft(id=new_id(), to=TO, text="in hand")
    (message,) = await stores.add(connection, [draft])
    assert await stores.queue.claim_next(lease)
    key = await page.prepare(message.to)
    await stores.queue.write_down(lease, message, key, message.to, new_chat=False)
    if ack is not None:
        page.stored[key] = ack
    if expired:
        await _expires_now(stores, message)
    return InHand(connection, lease, message, key)


async def _expires_now(stores: Stores, message: Message) -> None:
    """Let a message's time run out now; one whose time ran out before is never claimed."""
    await stores.database["messages"].update_one(
        {"_id": message.id}, [{"$set": {"expiresAt": "$$NOW"}}]
    )


async def _failed(stores: Stores, page: FakePage, ack: int) -> InHand:
    """Return one that WhatsApp refused, or that nothing was heard of, and that ended so."""
    there = await _in_hand(stores, page, ack)
    status = MessageStatus.FAILED if ack < 0 else MessageStatus.UNKNOWN
    await stores.queue.settle(there.lease, there.message, status, "as it was")
    return there


@pytest.mark.parametrize("ack", [None, -1])
async def test_what_expired_in_hand_and_is_not_out_is_never_sent(
    stores: Stores, ack: int | None
) -> None:
    page = FakePage()
    there = await _in_hand(stores, page, ack, expired=True)
    async with dispatching(stores, page, there.lease):
        expired = await reaches(stores, there.message, MessageStatus.EXPIRED)
        await reaches(stores, await stores.message(there.connection), MessageStatus.SENT)
    assert expired.expired_at is not None
    assert [text for _, text in page.delivered] == ["Hello"]


async def test_what_expired_before_it_got_an_id_is_never_sent(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection, "stale")
    assert await stores.queue.claim_next(lease)
    await _expires_now(stores, message)
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.EXPIRED)
    assert page.delivered == []


async def test_what_the_page_is_still_about_to_send_does_not_expire(stores: Stores) -> None:
    page = FakePage()
    there = await _in_hand(stores, page, expired=True)
    page.outcomes[there.key] = Outcome(state="pending")  # shows itself typing, for instance
    async with dispatching(stores, page, there.lease):
        page.deliver(there.key, "typed")
        await reaches(stores, there.message, MessageStatus.SENT)
    assert page.delivered == [(there.key, "typed")]


async def test_a_ghost_that_expired_may_be_out_and_is_not_sent_again(stores: Stores) -> None:
    page = FakePage()
    there = await _in_hand(stores, page, ack=0, expired=True)
    async with dispatching(stores, page, there.lease, dispatch_limits(ghost=MOMENT)):
        await reaches(stores, there.message, MessageStatus.UNKNOWN)
    assert page.resent == []


@dataclass
class PoisonedPage(FakePage):
    """Breaks whenever one chat is to be prepared, as a page does that hangs or crashes at it."""

    poison: str = ""

    async def prepare(self, chat_id: str, typing: timedelta = timedelta(0)) -> str:
        if chat_id == self.poison:
            raise PageBrokenError(Reason.PAGE_UNRESPONSIVE)
        return await super().prepare(chat_id, typing)


async def test_a_message_that_breaks_every_page_does_not_hold_the_others_for_ever(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    poison = "15550001111@c.us"
    bad = await stores.message(connection, "bad", to=poison)
    good = await stores.message(connection, "good")
    limits = dispatch_limits(tries=3)
    for _ in range(1 + limits.tries):
        page = PoisonedPage(poison=poison)
        with pytest.raises(PageBrokenError):
            await make_dispatcher(stores, page, lease, limits).run(asyncio.Event(), asyncio.Event())
        assert page.delivered == []
    async with dispatching(stores, PoisonedPage(poison=poison), lease, limits):
        await reaches(stores, good, MessageStatus.SENT)
    failed = await stores.outbox.find(OWNER, bad.id)
    assert (failed.status, failed.reason) == (MessageStatus.FAILED, "page_error")


async def test_a_message_that_no_page_can_look_up_becomes_unknown(stores: Stores) -> None:
    page = FakePage(fail_look_ups=1_000)
    there = await _in_hand(stores, page)
    async with dispatching(stores, page, there.lease, dispatch_limits(tries=1)):
        unknown = await reaches(stores, there.message, MessageStatus.UNKNOWN)
        await reaches(stores, await stores.message(there.connection), MessageStatus.SENT)
    assert unknown.reason == "page_error"


async def test_a_message_is_not_given_up_for_a_page_that_has_not_loaded(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = FakePage()
    there = await _in_hand(stores, page, ack=1)
    look_up, looks = page.look_up, 0

    async def look_up_once_it_has_loaded(key: str, chat_id: str) -> LookUp:
        nonlocal looks
        looks += 1
        if looks < 4:
            raise PageNotLoadedError
        return await look_up(key, chat_id)

    monkeypatch.setattr(page, "look_up", look_up_once_it_has_loaded)
    async with dispatching(stores, page, there.lease, dispatch_limits(tries=2)):
        await reaches(stores, there.message, MessageStatus.SENT)


async def test_an_ack_overtakes_what_is_left_over(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = FakePage()
    there = await _in_hand(stores, page)
    later = await stores.message(there.connection, "later")
    assert await stores.queue.claim_next(there.lease)
    key = await page.prepare(later.to)
    await stores.queue.write_down(there.lease, later, key, later.to, new_chat=False)
    send = page.send

    async def send_while_an_ack_comes(*what: Any) -> None:
        await stores.queue.record_ack(there.lease, key, Ack.DEVICE)
        await send(*what)

    monkeypatch.setattr(page, "send", send_while_an_ack_comes)
    async with dispatching(stores, page, there.lease):
        await reaches(stores, there.message, MessageStatus.SENT)
        await reaches(stores, await stores.message(there.connection), MessageStatus.SENT)
    assert (await stores.outbox.find(OWNER, later.id)).status is MessageStatus.DELIVERED
    assert [text for _, text in page.delivered] == ["in hand", "Hello"]


async def test_what_stands_behind_one_that_waits_waits_too(stores: Stores) -> None:
    page = FakePage(throws=1)
    there = await _in_hand(stores, page)
    for text, ack in (("out already", 1), ("last", None)):
        message = await stores.message(there.connection, text)
        assert await stores.queue.claim_next(there.lease)
        key = await page.prepare(message.to)
        await stores.queue.write_down(there.lease, message, key, message.to, new_chat=False)
        if ack is not None:
            page.stored[key] = ack
    async with dispatching(stores, page, there.lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["in hand", "last"]


async def test_mongodb_in_trouble_is_not_blamed_on_a_message(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page, settle, refusals = FakePage(), stores.queue.settle, iter(range(3))

    async def refused_at_first(*what: Any) -> Message | None:
        if next(refusals, None) is not None:
            raise OperationFailure("interrupted", 11602)
        return await settle(*what)

    monkeypatch.setattr(stores.queue, "settle", refused_at_first)
    async with dispatching(stores, page, lease, dispatch_limits(tries=1)):
        await reaches(stores, message, MessageStatus.SENT)


async def test_counts_of_taking_up_end_with_the_next_claim(stores: Stores) -> None:
    page = FakePage(nack=463)
    there = await _in_hand(stores, page)
    limits = dispatch_limits(tries=3)
    async with dispatching(stores, page, there.lease, limits):
        sent = await reaches(stores, there.message, MessageStatus.SENT)
    assert (sent.attempts, sent.taken_up) == (2, 0)


async def test_a_retry_of_what_whatsapp_refused_sends_the_same_record(stores: Stores) -> None:
    page = FakePage()
    there = await _failed(stores, page, ack=-1)
    await stores.outbox.redrive(OWNER, there.message.id, unknown_too=False)
    async with dispatching(stores, page, there.lease):
        await reaches(stores, there.message, MessageStatus.SENT)
    assert page.delivered == [(there.key, "resent")]


@pytest.mark.parametrize("code", [408, 429, 500, 503])
async def test_a_refusal_that_passes_costs_time_and_no_message(stores: Stores, code: int) -> None:
    connection, lease = await stores.leased()
    messages = [await stores.message(connection, f"text {n}") for n in range(3)]
    page = FakePage(nack=code)
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    first = await stores.outbox.find(OWNER, messages[0].id)
    assert (first.attempts, page.resent) == (2, [first.whatsapp_id])
    assert [text for _, text in page.delivered] == ["resent", "text 1", "text 2"]


async def test_a_refusal_for_good_fails_at_once(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(nack=403)
    async with dispatching(stores, page, lease):
        failed = await reaches(stores, message, MessageStatus.FAILED)
    assert (failed.attempts, failed.reason, page.resent) == (1, "refused_by_whatsapp", [])


async def test_a_send_that_breaks_before_it_is_stored_is_tried_under_the_same_id(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(throws=2)
    async with dispatching(stores, page, lease):
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert page.delivered == [(sent.whatsapp_id, message.text)]
    assert sent.attempts == 3
    hopeless = await stores.message(connection, "hopeless")
    async with dispatching(stores, FakePage(throws=99), lease, dispatch_limits(tries=2)):
        failed = await reaches(stores, hopeless, MessageStatus.FAILED)
    assert failed.reason == "NetworkError"


async def test_a_number_is_not_called_unknown_for_an_error_of_the_moment(stores: Stores) -> None:
    connection, lease = await stores.leased()
    looks: list[str] = []

    def registered(chat_id: str) -> bool:
        looks.append(chat_id)
        return len(looks) > 1

    message = await stores.message(connection)
    page = FakePage(registered=registered, fail_registered=1)
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)


async def test_what_is_refused_again_fails_again(stores: Stores) -> None:
    page = FakePage(refuse_resent=True)
    there = await _failed(stores, page, ack=-1)
    await stores.outbox.redrive(OWNER, there.message.id, unknown_too=False)
    async with dispatching(stores, page, there.lease):
        failed = await reaches(stores, there.message, MessageStatus.FAILED)
    assert (failed.reason, page.resent) == ("refused_by_whatsapp", [there.key])


async def test_a_second_send_of_which_nothing_is_heard_is_unknown_and_not_failed(
    stores: Stores,
) -> None:
    page = FakePage(held=True)
    there = await _failed(stores, page, ack=-1)
    await stores.outbox.redrive(OWNER, there.message.id, unknown_too=False)
    async with dispatching(stores, page, there.lease, dispatch_limits(outcome=MOMENT)):
        await reaches(stores, there.message, MessageStatus.UNKNOWN)


@pytest.mark.parametrize("resend_ghosts", [True, False])
async def test_a_confirmed_retry_of_what_is_unknown_is_done(
    stores: Stores, resend_ghosts: bool
) -> None:
    page = FakePage()
    there = await _failed(stores, page, ack=0)
    page.outcomes[there.key] = Outcome(state="done", result="ERROR_NETWORK")
    await stores.outbox.redrive(OWNER, there.message.id, unknown_too=True)
    limits = dispatch_limits(ghost=MOMENT, resend_ghosts=resend_ghosts)
    async with dispatching(stores, page, there.lease, limits):
        await reaches(stores, there.message, MessageStatus.SENT)
    assert page.resent == [there.key]


async def test_the_last_refusal_of_a_ban_to_come_pauses_the_connection_too(
    stores: Stores,
) -> None:
    page = FakePage(nack=463)
    there = await _in_hand(stores, page)
    following = await stores.message(there.connection, "next")
    limits = dispatch_limits(tries=1)
    async with dispatching(stores, page, there.lease, limits, ban_pause=LONG):
        failed = await reaches(stores, there.message, MessageStatus.FAILED)
    assert failed.reason == "refused_by_whatsapp"
    _, paused = await stores.connections.pace_of(there.connection.id)
    assert paused is not None
    assert paused.reason == "timelock"
    waits = await stores.outbox.find(OWNER, following.id)
    assert (waits.status, page.delivered) == (MessageStatus.QUEUED, [])


@pytest.mark.parametrize("ended", ["failed", "queued"])
async def test_an_ack_proves_that_a_message_is_out_whatever_was_thought(
    stores: Stores, ended: str
) -> None:
    page = FakePage()
    there = await _failed(stores, page, ack=-1 if ended == "failed" else 0)
    if ended == "queued":
        await stores.outbox.redrive(OWNER, there.message.id, unknown_too=True)
    assert await stores.queue.record_ack(there.lease, there.key, Ack.DEVICE)
    delivered = await stores.outbox.find(OWNER, there.message.id)
    assert (delivered.status, delivered.reason) == (MessageStatus.DELIVERED, None)


async def test_a_retry_taken_back_leaves_unknown_what_was_unknown(stores: Stores) -> None:
    there = await _failed(stores, FakePage(), ack=0)
    await stores.outbox.redrive(OWNER, there.message.id, unknown_too=True)
    again = await stores.outbox.cancel(OWNER, there.message.id)
    assert (again.status, again.cancelled_at) == (MessageStatus.UNKNOWN, None)
    await stores.outbox.redrive(OWNER, there.message.id, unknown_too=True)
    await stores.outbox.cancel_queued(there.connection.id)
    deleted = await stores.outbox.find(OWNER, there.message.id)
    assert (deleted.status, deleted.reason) == (MessageStatus.UNKNOWN, "connection_deleted")
