"""What automations may answer: the occasions that a record gives now, and since when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from business.model import (
    Appointment,
    AppointmentStatus,
    Customer,
    Event,
    Language,
    Registration,
    RegistrationStatus,
    Subject,
    Subscriber,
    SubscriberStatus,
    Trigger,
)
from business.states import LIVE
from sessions.connections.model import Connection

_BIRTHDAY = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)", re.ASCII)
_MORNING = time(10)
"""When birthdays are congratulated, unless a delivery hour says another time."""
_DAY = timedelta(days=1)


def check_birthday(text: str, today: date) -> str:
    """Return a birthday; raise ValueError for what is no date, or one that is still to come."""
    found = _BIRTHDAY.fullmatch(text)
    try:
        # In a year that is not told there may be a 29th of February.
        day = found and date(int(found[1] or 2000), int(found[2]), int(found[3]))
    except ValueError:
        day = None
    if day is None or day > today:
        raise ValueError("A birthday is a date of the past like 1990-05-17, or a day like 05-17.")
    return text


@dataclass(frozen=True)
class Occasion:
    """A moment for an automation; its message makes no sense from `until` on."""

    trigger: Trigger
    version: int
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Topic:
    """A record with all that messages about it need."""

    record: Subject
    collection: str
    phone: str
    language: Language
    zone: str
    values: dict[str, dict[str, Any]]
    occasions: tuple[Occasion, ...]
    connection_id: str | None = None
    """The connection over which this person is served; None leaves it to the automation."""
    tags: tuple[str, ...] = ()
    service: str | None = None
    status: AppointmentStatus | None = None


def of_appointment(record: Appointment, customer: Customer) -> Topic:
    """Return what messages about an appointment need."""
    return Topic(
        record,
        "appointments",
        customer.phone,
        customer.language,
        record.time_zone,
        {
            "customer": person(customer.name, customer.phone, customer.attributes),
            "appointment": {
                "service": record.service,
                "startsAt": record.starts_at,
                "endsAt": record.ends_at,
                "location": record.location,
            },
        },
        tuple(_occasions_of_appointment(record)),
        record.connection_id,
        customer.tags,
        record.service,
        record.status,
    )


def _occasions_of_appointment(record: Appointment) -> Iterator[Occasion]:
    is_live = record.status in LIVE
    for each in record.happenings:
        trigger = Trigger(each.trigger)
        is_current = each.version == record.version
        holds = {
            Trigger.BOOKED: is_live,
            Trigger.RESCHEDULED: is_live and is_current,
            Trigger.CONFIRMED: record.status is AppointmentStatus.CONFIRMED and is_current,
            Trigger.CANCELLED: record.status is AppointmentStatus.CANCELLED,
            Trigger.NO_SHOW: record.status is AppointmentStatus.NO_SHOW,
        }[trigger]
        if holds:
            yield Occasion(trigger, each.version, each.at, record.starts_at if is_live else None)
    if is_live:
        starts = record.starts_at
        yield Occasion(Trigger.BEFORE_APPOINTMENT, record.version, starts, starts)
    if is_live or record.status is AppointmentStatus.COMPLETED:
        yield Occasion(Trigger.AFTER_APPOINTMENT, record.version, record.ends_at)


def of_registration(record: Registration, event: Event, customer: Customer) -> Topic:
    """Return what messages about a registration need."""
    return Topic(
        record,
        "registrations",
        customer.phone,
        customer.language,
        event.time_zone,
        {
            "customer": person(customer.name, customer.phone, customer.attributes),
            "event": {
                "name": event.name,
                "startsAt": event.starts_at,
                "endsAt": event.ends_at,
                "location": event.location,
            },
        },
        tuple(_occasions_of_registration(record, event)),
        tags=customer.tags,
    )


def _occasions_of_registration(record: Registration, event: Event) -> Iterator[Occasion]:
    has_place = record.status is RegistrationStatus.REGISTERED and event.cancelled_at is None
    for each in record.happenings:
        trigger = Trigger(each.trigger)
        if trigger is Trigger.EVENT_REGISTERED and has_place:
            yield Occasion(trigger, each.version, each.at, event.starts_at)
        elif trigger is Trigger.EVENT_CANCELLED:
            yield Occasion(trigger, each.version, each.at)
    if has_place:
        yield Occasion(Trigger.BEFORE_EVENT, event.version, event.starts_at, event.starts_at)
        yield Occasion(Trigger.AFTER_EVENT, event.version, event.ends_at)


def of_subscriber(record: Subscriber, default_zone: str) -> Topic:
    """Return what messages about a subscription need."""
    subscribed = record.status is SubscriberStatus.SUBSCRIBED
    return Topic(
        record,
        "subscribers",
        record.phone,
        record.language,
        record.time_zone or default_zone,
        {
            "customer": person(record.name, record.phone, {}),
            "subscriber": {"list": record.list},
        },
        tuple(
            Occasion(Trigger(each.trigger), each.version, each.at)
            for each in record.happenings
            if subscribed
        ),
    )


def of_customer(record: Customer, default_zone: str, now: datetime) -> Topic:
    """Return what messages about a customer need."""
    zone = record.time_zone or default_zone
    return Topic(
        record,
        "customers",
        record.phone,
        record.language,
        zone,
        {"customer": person(record.name, record.phone, record.attributes)},
        tuple(_birthdays(record, ZoneInfo(zone), now)),
        tags=record.tags,
    )


def _birthdays(record: Customer, zone: ZoneInfo, now: datetime) -> Iterator[Occasion]:
    """Yield the next birthday; on the 29th of February it is the 28th in most years."""
    found = _BIRTHDAY.fullmatch(record.attributes.get("birthday", ""))
    if found is None:
        return
    today = now.astimezone(zone).date()
    for year in (today.year, today.year + 1):
        try:
            day = _day_in(year, int(found[2]), int(found[3]))
        except ValueError:
            return
        if day >= today:
            at = datetime.combine(day, _MORNING, zone).astimezone(UTC)
            yield Occasion(Trigger.BIRTHDAY, year, at, at + _DAY)
            return


def _day_in(year: int, month: int, day: int) -> date:
    if (month, day) == (2, 29):
        return date(year, 3, 1) - _DAY
    return date(year, month, day)


def sender(connection: Connection | None) -> dict[str, Any]:
    """Return the variables of the connection that sends a message; none if it is gone."""
    if connection is None:
        return {}
    return {"name": connection.name, "phone": connection.phone_number}


def person(name: str, phone: str, attributes: dict[str, str]) -> dict[str, Any]:
    """Return the variables of the person who gets a message."""
    return {
        "name": name or None,
        "firstName": name.split()[0] if name.split() else None,
        "phone": phone,
        "attributes": attributes,
    }
