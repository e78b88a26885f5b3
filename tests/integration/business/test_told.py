"""What happens to appointments and subscribers is told to webhooks, by the write that does it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from business.errors import WrongStateOfRecordError
from business.model import AppointmentStatus, SubscriberStatus
from sessions.common.clock import utc_now
from tests.integration.business.conftest import Shop
from tests.integration.webhooks.telling import told

DAY = timedelta(days=1)


async def test_each_move_of_an_appointment_is_told_with_what_it_said_then(shop: Shop) -> None:
    shop.clock.at = utc_now().replace(microsecond=0)
    appointment = await shop.book(await shop.customer())
    appointments = shop.business.appointments
    confirmed = await appointments.move(appointment, AppointmentStatus.CONFIRMED)
    with pytest.raises(WrongStateOfRecordError):
        await appointments.move(confirmed, AppointmentStatus.CONFIRMED)
    later = appointment.starts_at + DAY
    moved = await appointments.reschedule(confirmed, later, later + timedelta(hours=1))
    await appointments.move(moved, AppointmentStatus.CANCELLED)
    events = [each for each in await told(shop.stores.database) if each[0].startswith("appoint")]
    assert [(name, data["status"], data["version"]) for name, data in events] == [
        ("appointment.booked", "booked", 1),
        ("appointment.confirmed", "confirmed", 1),
        ("appointment.rescheduled", "booked", 2),
        ("appointment.cancelled", "cancelled", 2),
    ]
    (_, first), *_ = events
    assert first["appointmentId"] == appointment.id
    assert first["service"] == "Haircut"
    assert first["startsAt"] == appointment.starts_at.isoformat().replace("+00:00", ".000Z")
    assert "happenings" not in first


async def test_the_write_that_tells_takes_fields_away_too(shop: Shop) -> None:
    subscriber = await shop.subscriber(time_zone="Asia/Tokyo")
    changes = {"status": SubscriberStatus.UNSUBSCRIBED, "timeZone": None}
    changed = await shop.business.subscribers.change(subscriber, changes)
    assert (changed.status, changed.time_zone) == (SubscriberStatus.UNSUBSCRIBED, None)


async def test_who_joins_and_leaves_a_list_is_told(shop: Shop) -> None:
    shop.clock.at = utc_now()
    subscriber = await shop.subscriber()
    left = {"status": SubscriberStatus.UNSUBSCRIBED}
    await shop.business.subscribers.change(subscriber, left)
    await shop.business.subscribers.set_all(
        shop.owner, [subscriber.phone], SubscriberStatus.SUBSCRIBED
    )
    events = [each for each in await told(shop.stores.database) if each[0].startswith("subscr")]
    assert [name for name, _ in events] == [
        "subscriber.subscribed",
        "subscriber.unsubscribed",
        "subscriber.subscribed",
    ]
    assert {data["subscriberId"] for _, data in events} == {subscriber.id}
