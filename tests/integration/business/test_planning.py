"""What follows from an appointment is in the outbox at once, and follows each of its changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from business.errors import WrongStateOfRecordError
from business.model import Agreement, AppointmentStatus, Purpose, Template, Trigger
from sessions.connections.pacing import Pacing, QuietHours
from sessions.messages.model import MessageStatus
from tests.integration.business.conftest import PHONE, START, Shop

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def test_a_reminder_is_a_message_in_the_outbox_when_the_booking_is_answered(
    shop: Shop,
) -> None:
    await shop.automation()
    appointment = await shop.book(await shop.customer())
    (message,) = await shop.messages()
    assert message.due_at == appointment.starts_at - DAY
    assert message.expires_at == appointment.starts_at
    assert message.text is not None
    assert "Haircut" in str(message.text)
    assert "Dana" in str(message.text)


async def test_settling_twice_and_by_others_stores_nothing_twice(shop: Shop) -> None:
    await shop.automation()
    appointment = await shop.book(await shop.customer())
    store = shop.business.stores.appointments
    for _ in range(3):
        await store.touch(shop.owner, {"_id": appointment.id})
        await shop.business.go_on()
    assert len(await shop.messages(None)) == 1


async def test_cancelling_takes_the_reminder_back_and_nothing_brings_it_back(shop: Shop) -> None:
    await shop.automation()
    appointment = await shop.book(await shop.customer())
    await shop.business.appointments.move(appointment, AppointmentStatus.CANCELLED)
    await shop.business.go_on()
    (message,) = await shop.messages(None)
    assert (message.status, message.reason) == (MessageStatus.CANCELLED, "superseded")


async def test_rescheduling_keeps_the_id_raises_the_version_and_plans_anew(shop: Shop) -> None:
    await shop.automation()
    appointment = await shop.book(await shop.customer())
    later = appointment.starts_at + 2 * DAY
    moved = await shop.business.appointments.reschedule(appointment, later, later + HOUR)
    assert (moved.id, moved.version) == (appointment.id, 2)
    assert await shop.due() == [later - DAY]
    assert [each.reason for each in await shop.messages("cancelled")] == ["superseded"]


async def test_the_same_time_again_reminds_nobody_again(shop: Shop) -> None:
    await shop.automation()
    await shop.automation(Trigger.AFTER_APPOINTMENT, "1h")
    appointment = await shop.book(await shop.customer())
    starts, ends = appointment.starts_at, appointment.ends_at
    same = await shop.business.appointments.reschedule(appointment, starts, ends)
    longer = await shop.business.appointments.reschedule(same, starts, ends + HOUR)
    assert longer.version == appointment.version
    assert await shop.due() == [starts - DAY, ends + 2 * HOUR]
    assert len(await shop.messages(None)) == 2


async def test_an_illegal_move_raises_and_changes_nothing(shop: Shop) -> None:
    await shop.automation()
    appointment = await shop.book(await shop.customer())
    await shop.business.appointments.move(appointment, AppointmentStatus.COMPLETED)
    before = await shop.appointment(appointment)
    with pytest.raises(WrongStateOfRecordError):
        await shop.business.appointments.move(before, AppointmentStatus.CONFIRMED)
    assert await shop.appointment(appointment) == before


async def test_a_before_whose_time_is_past_is_skipped_and_an_after_is_not(shop: Shop) -> None:
    await shop.automation(offset="72h")
    await shop.automation(Trigger.AFTER_APPOINTMENT, "1h")
    appointment = await shop.book(await shop.customer(), DAY)
    assert await shop.due() == [appointment.ends_at + HOUR]
    shop.clock.move(3 * DAY)
    await shop.business.stores.appointments.touch(shop.owner, {})
    await shop.business.go_on()
    assert len(await shop.messages()) == 1


async def test_a_reminder_that_waits_for_its_turn_is_not_late(shop: Shop) -> None:
    await shop.automation()
    appointment = await shop.book(await shop.customer())
    shop.clock.at = appointment.starts_at - DAY + timedelta(seconds=5)
    await shop.business.appointments.edit(appointment, {"location": "Upstairs"})
    (message,) = await shop.messages()
    assert "Upstairs" in str(message.text)


async def test_editing_an_automation_plans_again_what_it_has_waiting(shop: Shop) -> None:
    automation = await shop.automation()
    appointment = await shop.book(await shop.customer())
    await shop.business.automations.change(automation, {"offset": "2h"})
    assert await shop.due() == [appointment.starts_at - 2 * HOUR]
    off = await shop.business.automations.change(automation, {"enabled": False})
    assert await shop.messages() == []
    await shop.business.automations.change(off, {"enabled": True})
    assert await shop.due() == [appointment.starts_at - 2 * HOUR]
    assert len(await shop.messages(None)) == 1


async def test_deleting_an_automation_takes_its_messages_back(shop: Shop) -> None:
    automation = await shop.automation()
    await shop.book(await shop.customer())
    await shop.business.automations.remove(automation)
    assert await shop.messages() == []


async def test_a_new_automation_answers_what_is_to_come_and_not_what_has_happened(
    shop: Shop,
) -> None:
    appointment = await shop.book(await shop.customer())
    shop.clock.move(HOUR)
    await shop.automation()
    await shop.automation(Trigger.BOOKED, None)
    assert await shop.due() == [appointment.starts_at - DAY]


async def test_what_is_far_off_is_planned_later_under_the_same_id(shop: Shop) -> None:
    await shop.automation()
    appointment = await shop.book(await shop.customer(), 100 * DAY)
    assert await shop.messages() == []
    shop.clock.move(71 * DAY)
    await shop.business.go_on()
    assert await shop.due() == [appointment.starts_at - DAY]


async def test_a_delivery_hour_moves_a_reminder_earlier(shop: Shop) -> None:
    await shop.automation(offset="2h", delivery_hour="18:00")
    starts = datetime(2027, 3, 10, 7, tzinfo=UTC)  # 9:00 in Jerusalem
    await shop.book(await shop.customer(), starts_at=starts)
    assert await shop.due() == [datetime(2027, 3, 9, 16, tzinfo=UTC)]


async def test_the_quiet_hours_of_the_connection_move_a_reminder_earlier(shop: Shop) -> None:
    connection = await shop.stores.connections.find(shop.owner, "main")
    quiet = QuietHours(start="20:00", end="08:00", time_zone="Asia/Jerusalem")
    pacing = Pacing(enabled=False, quiet_hours=quiet).model_dump(by_alias=True)
    await shop.stores.connections.change(connection, {"pacing": pacing})
    await shop.automation(offset="2h")
    starts = datetime(2027, 3, 10, 7, tzinfo=UTC)  # 9:00 in Jerusalem
    await shop.book(await shop.customer(), starts_at=starts)
    assert await shop.due() == [datetime(2027, 3, 9, 17, 45, tzinfo=UTC)]


async def test_an_opt_out_takes_back_what_waits_and_an_opt_in_brings_it_back(shop: Shop) -> None:
    await shop.automation()
    customer = await shop.customer()
    await shop.book(customer)
    out = {Purpose.REMINDER: Agreement.OUT}
    await shop.business.customers.change(customer, {}, out, "test")
    (message,) = await shop.messages(None)
    assert (message.status, message.reason) == (MessageStatus.FAILED, "opted_out")
    back = {Purpose.REMINDER: Agreement.IN}
    await shop.business.customers.change(customer, {}, back, "test")
    assert len(await shop.messages()) == 1


async def test_marketing_needs_consent(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.automation(Trigger.AFTER_APPOINTMENT, "1h", purpose=Purpose.MARKETING)
    await shop.book(customer)
    assert await shop.messages() == []
    agreed = {Purpose.MARKETING: Agreement.IN}
    await shop.business.customers.change(customer, {}, agreed, "test")
    assert len(await shop.messages()) == 1


async def test_another_number_or_name_changes_what_waits(shop: Shop) -> None:
    await shop.automation()
    customer = await shop.customer()
    await shop.book(customer)
    changes = {"name": "Noa Bar", "phone": "+972549999999"}
    await shop.business.customers.change(customer, changes, {}, "test")
    (message,) = await shop.messages()
    assert message.to == "972549999999@c.us"
    assert "Noa" in str(message.text)


async def test_a_missing_value_is_told_by_the_automation_and_sends_nothing(shop: Shop) -> None:

    template = await shop.business.automations.save_template(
        Template(
            id="t" * 26,
            owner=shop.owner,
            created_at=START,
            name="Where",
            texts={"en": "At {{appointment.location}}"},
        )
    )
    automation = await shop.automation(template=template.id)
    appointment = await shop.book(await shop.customer())
    assert await shop.messages() == []
    found = await shop.business.stores.automations.find(shop.owner, automation.id)
    assert found.last_error is not None
    assert found.last_error.code == "template_value_missing"
    await shop.business.appointments.edit(appointment, {"location": "Upstairs"})
    assert len(await shop.messages()) == 1


async def test_what_happens_to_an_appointment_is_told_once(shop: Shop) -> None:
    for trigger in (Trigger.BOOKED, Trigger.CONFIRMED, Trigger.NO_SHOW):
        await shop.automation(trigger, None, purpose=Purpose.SERVICE)
    appointment = await shop.book(await shop.customer())
    appointments = shop.business.appointments
    confirmed = await appointments.move(appointment, AppointmentStatus.CONFIRMED)
    await appointments.move(confirmed, AppointmentStatus.NO_SHOW)
    await shop.business.go_on()
    told = sorted(each.plan.trigger for each in await shop.messages(None) if each.plan)
    assert told == ["appointment.booked", "appointment.confirmed", "appointment.no_show"]


async def test_deleting_a_customer_erases_them_and_leaves_the_appointment(shop: Shop) -> None:
    await shop.automation()
    customer = await shop.customer()
    appointment = await shop.book(customer, notes="Allergic")
    await shop.business.erasure.erase(customer)
    assert await shop.messages(None) == []
    left = await shop.appointment(appointment)
    assert left.notes == ""
    for name in await shop.stores.database.list_collection_names():
        async for document in shop.stores.database[name].find({}):
            assert PHONE not in str(document), name
            assert "Dana" not in str(document), name
            assert "Allergic" not in str(document), name


async def test_what_an_erased_customer_has_booked_is_cancelled_and_what_was_stays(
    shop: Shop,
) -> None:
    await shop.automation()
    await shop.automation(Trigger.CANCELLED, None, purpose=Purpose.SERVICE)
    yearly = {"template": "ready_birthday", "purpose": Purpose.SERVICE}
    await shop.automation(Trigger.BIRTHDAY, None, **yearly)
    customer = await shop.customer(attributes={"birthday": "1990-03-20"})
    over, coming, done = [await shop.book(customer, each * DAY) for each in (1, 3, 5)]
    await shop.business.appointments.move(done, AppointmentStatus.COMPLETED)
    shop.clock.move(2 * DAY)
    await shop.business.erasure.erase(customer)
    left = [await shop.appointment(each) for each in (over, coming, done)]
    assert [str(each.status) for each in left] == ["booked", "cancelled", "completed"]
    assert await shop.messages(None) == []
    assert await shop.business.stores.consents.all(None, {}) == []


@pytest.mark.parametrize(
    ("held_up_at", "goes"),
    [(timedelta(minutes=1), True), (timedelta(minutes=-1), False)],
    ids=["when it was due", "before it was due"],
)
async def test_what_is_due_while_its_record_is_planned_anew_goes_all_the_same(
    shop: Shop, held_up_at: timedelta, goes: bool
) -> None:
    await shop.automation(offset="1h")
    appointment = await shop.book(await shop.customer(), 2 * HOUR)
    (message,) = await shop.messages()
    shop.clock.move(HOUR + 2 * timedelta(minutes=1))
    # The worker has found that its grounds are not those of now, as it does on each change.
    cancelled = {
        "status": "cancelled", "reason": "superseded", "cancelledAt": message.due_at + held_up_at
    }  # fmt: skip
    await shop.stores.database["messages"].update_one({"_id": message.id}, {"$set": cancelled})
    await shop.business.stores.appointments.touch(shop.owner, {"_id": appointment.id})
    await shop.business.go_on()
    assert [each.id for each in await shop.messages()] == ([message.id] if goes else [])


async def test_a_delivery_hour_of_a_birthday_is_one_of_that_day(shop: Shop) -> None:
    await shop.automation(
        Trigger.BIRTHDAY,
        None,
        template="ready_birthday",
        purpose=Purpose.SERVICE,
        delivery_hour="08:30",
    )
    await shop.customer(attributes={"birthday": "1990-03-20"})
    assert await shop.due() == [datetime(2027, 3, 20, 6, 30, tzinfo=UTC)]


async def test_a_birthday_is_congratulated_each_year(shop: Shop) -> None:
    await shop.automation(
        Trigger.BIRTHDAY, None, template="ready_birthday", purpose=Purpose.SERVICE
    )
    await shop.customer(attributes={"birthday": "1990-03-20"})
    assert await shop.due() == [datetime(2027, 3, 20, 8, tzinfo=UTC)]
    shop.clock.move(360 * DAY)
    await shop.business.go_on()
    assert len(await shop.messages(None)) == 2
