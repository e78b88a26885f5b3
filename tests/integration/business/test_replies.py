"""Answers of customers: each is done once, also when it is read twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from business.model import (
    Agreement,
    Appointment,
    AppointmentStatus,
    Purpose,
    Subscriber,
    SubscriberStatus,
)
from business.ready_made import QUESTION
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.messages.model import Message
from tests.integration.business.conftest import CHAT, PHONE, Shop

DAY = timedelta(days=1)


async def receive(shop: Shop, text: str | None, **fields: Any) -> str:
    """Have the connection receive a message from the customer; return its id."""
    shop.clock.move(timedelta(seconds=1))
    document = {
        "_id": new_id(),
        "owner": shop.owner,
        "connection": "internal",
        "connectionId": shop.connection_id,
        "chatId": CHAT,
        "conversation": CHAT,
        "from": CHAT,
        "fromNumber": PHONE,
        "type": "text",
        "text": text,
        "whatsappKey": "key",
        "bareId": new_id(),
        "key": new_id(),
        "at": shop.clock(),
        "recordedAt": utc_now(),
        **fields,
    }
    await shop.stores.database["receivedMessages"].insert_one(document)
    return str(document["_id"])


async def send_all(shop: Shop) -> None:
    """Have all waiting messages been sent, one after the other."""
    for each in await shop.messages():
        shop.clock.move(timedelta(seconds=1))
        changes = {"status": "sent", "sentAt": shop.clock(), "statusAt": shop.clock()}
        await shop.stores.database["messages"].update_one({"_id": each.id}, {"$set": changes})


async def asked(shop: Shop, within: timedelta = 3 * DAY) -> Appointment:
    """Book an appointment and ask its customer to confirm it."""
    known = await shop.business.customers.by_phone(shop.owner, PHONE)
    appointment = await shop.book(known or await shop.customer(), within)
    await send_all(shop)
    return appointment


@pytest.fixture
async def shop_that_asks(shop: Shop) -> Shop:
    """Give a test a shop that asks for a confirmation."""
    await shop.automation(template=QUESTION.id)
    # The mark of what was read stands on the clock of the database.
    shop.clock.at = utc_now()
    await shop.stores.database["businessMarks"].delete_many({})
    await shop.business.replies.prepare()
    return shop


async def answers(shop: Shop) -> list[Message]:
    """Return the answers to answers."""
    found = await shop.messages(None)
    return [each for each in found if each.plan and each.plan.trigger == "reply"]


@pytest.mark.parametrize(
    ("text", "status", "word"),
    [
        ("1", AppointmentStatus.CONFIRMED, "Confirmed"),
        (" כן ", AppointmentStatus.CONFIRMED, "Confirmed"),
        ("2", AppointmentStatus.CANCELLED, "cancelled"),
        ("ביטול", AppointmentStatus.CANCELLED, "cancelled"),
    ],
)
async def test_an_answer_decides_and_is_answered_once(
    shop_that_asks: Shop, text: str, status: AppointmentStatus, word: str
) -> None:
    shop = shop_that_asks
    appointment = await asked(shop)
    await receive(shop, text)
    await shop.business.replies.go_on()
    # Another process, or the same one after a crash, reads it once more.
    await shop.stores.database["handledReplies"].delete_many({})
    await shop.business.replies.go_on()
    assert (await shop.appointment(appointment)).status is status
    (answer,) = await answers(shop)
    assert word in str(answer.text)


async def test_of_several_questions_the_newest_is_meant_and_named(shop_that_asks: Shop) -> None:
    shop = shop_that_asks
    first = await asked(shop, 5 * DAY)
    second = await asked(shop, 3 * DAY)
    await receive(shop, "1")
    await shop.business.replies.go_on()
    assert (await shop.appointment(second)).status is AppointmentStatus.CONFIRMED
    assert (await shop.appointment(first)).status is AppointmentStatus.BOOKED
    (answer,) = await answers(shop)
    assert str(second.starts_at.year) in str(answer.text)


async def test_without_a_question_a_word_means_nothing(shop_that_asks: Shop) -> None:
    shop = shop_that_asks
    appointment = await shop.book(await shop.customer())  # asked tomorrow, and not yet
    for text in ("1", "yes", "no", "hello"):
        await receive(shop, text)
    await shop.business.replies.go_on()
    assert (await shop.appointment(appointment)).status is AppointmentStatus.BOOKED
    assert await answers(shop) == []


async def test_what_groups_and_history_say_is_no_answer(shop_that_asks: Shop) -> None:
    shop = shop_that_asks
    appointment = await asked(shop)
    await receive(shop, "1", chatId="123-456@g.us")
    await receive(shop, "1", fromHistory=True)
    await receive(shop, None)
    await shop.business.replies.go_on()
    assert (await shop.appointment(appointment)).status is AppointmentStatus.BOOKED


async def test_a_ciphertext_is_an_answer_once_its_content_is_there(shop_that_asks: Shop) -> None:
    shop = shop_that_asks
    appointment = await asked(shop)
    received = await receive(shop, None, type="ciphertext")
    await shop.business.replies.go_on()
    shop.clock.move(timedelta(hours=1))
    content = {"$set": {"type": "text", "text": "1"}}
    await shop.stores.database["receivedMessages"].update_one({"_id": received}, content)
    await shop.business.replies.go_on()
    assert (await shop.appointment(appointment)).status is AppointmentStatus.CONFIRMED


async def test_stop_holds_for_marketing_and_is_kept_with_its_message(shop_that_asks: Shop) -> None:
    shop = shop_that_asks
    subscriber = await shop.subscriber()
    received = await receive(shop, "Stop")
    for _ in range(2):
        await shop.business.replies.go_on()
        await shop.stores.database["handledReplies"].delete_many({})
    consents = await shop.business.consents.of(shop.owner, PHONE, shop.clock())
    assert consents.state(Purpose.MARKETING) is Agreement.OUT
    assert consents.state(Purpose.REMINDER) is Agreement.UNKNOWN
    assert consents.consents[Purpose.MARKETING].evidence == received
    found = await shop.business.stores.subscribers.find(shop.owner, subscriber.id)
    assert found.status is SubscriberStatus.UNSUBSCRIBED
    assert len(await answers(shop)) == 1
    again = await shop.subscriber(list="other")
    assert again.status is SubscriberStatus.UNSUBSCRIBED


async def test_stop_all_takes_reminders_back_and_start_brings_them_back(
    shop_that_asks: Shop,
) -> None:
    shop = shop_that_asks
    await shop.book(await shop.customer())
    await receive(shop, "STOPALL")
    await shop.business.replies.go_on()
    assert [each.reason for each in await shop.messages("failed")] == ["opted_out"]
    await receive(shop, "הצטרף")
    await shop.business.replies.go_on()
    waiting = [each for each in await shop.messages() if each.plan and each.plan.expects]
    assert len(waiting) == 1


async def test_double_opt_in_waits_for_the_answer(shop_that_asks: Shop) -> None:
    shop = shop_that_asks
    record = Subscriber(
        id=new_id(), owner=shop.owner, created_at=shop.clock(), phone=PHONE, list="news"
    )
    added = await shop.business.subscribers.add(record, "test", ask_by="main")
    assert added.status is SubscriberStatus.UNCONFIRMED
    await send_all(shop)
    await receive(shop, "yes")
    await shop.business.replies.go_on()
    found = await shop.business.stores.subscribers.find(shop.owner, added.id)
    assert found.status is SubscriberStatus.SUBSCRIBED


async def test_a_number_in_another_form_of_its_country_is_the_same_person(
    shop_that_asks: Shop,
) -> None:
    shop = shop_that_asks
    customer = await shop.customer("+5511987654321")
    appointment = await shop.book(customer)
    await send_all(shop)
    # WhatsApp knows the account by the number without the ninth digit.
    await receive(shop, "1", fromNumber="+551187654321", chatId="551187654321@c.us")
    await receive(shop, "STOPALL", fromNumber="+551187654321", chatId="551187654321@c.us")
    await shop.business.replies.go_on()
    assert (await shop.appointment(appointment)).status is AppointmentStatus.CONFIRMED
    consents = await shop.business.consents.of(shop.owner, customer.phone, shop.clock())
    assert consents.state(Purpose.REMINDER) is Agreement.OUT


async def test_an_answer_that_a_crash_has_left_unanswered_is_answered(shop_that_asks: Shop) -> None:
    shop = shop_that_asks
    appointment = await asked(shop)
    received = await receive(shop, "1")
    found = await shop.appointment(appointment)
    await shop.business.appointments.move(found, AppointmentStatus.CONFIRMED, received)
    await shop.business.replies.go_on()
    (answer,) = await answers(shop)
    assert "Confirmed" in str(answer.text)
