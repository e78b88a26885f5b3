"""Events: places up to the capacity, then a waiting list, in the order of registration."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from business.errors import EventNotFoundError, ExistsError
from business.model import Customer, Event, Registration, RegistrationStatus, Trigger
from business.ready_made import EVENT
from sessions.common.ids import new_id
from tests.integration.business.conftest import Shop

DAY = timedelta(days=1)


async def an_event(shop: Shop, capacity: int | None = 1) -> Event:
    starts = shop.clock() + 5 * DAY
    record = Event(
        id=new_id(),
        owner=shop.owner,
        created_at=shop.clock(),
        name="Open evening",
        starts_at=starts,
        ends_at=starts + timedelta(hours=2),
        time_zone="Asia/Jerusalem",
        capacity=capacity,
    )
    return await shop.business.stores.events.add(record)


async def people(shop: Shop, count: int) -> list[Customer]:
    return [await shop.customer(f"+9725412345{number:02}") for number in range(count)]


async def register(shop: Shop, event: Event, customer: Customer) -> Registration:
    record = Registration(
        id=new_id(),
        owner=shop.owner,
        created_at=shop.clock(),
        event=event.id,
        customer=customer.id,
    )
    return await shop.business.events.register(record)


async def statuses(shop: Shop) -> list[RegistrationStatus]:
    found = await shop.business.stores.registrations.all(shop.owner, {})
    return [each.status for each in found]


async def test_the_next_one_who_waits_gets_a_place_that_becomes_free(shop: Shop) -> None:
    event = await an_event(shop)
    first, *_ = [await register(shop, event, each) for each in await people(shop, 3)]
    registered, waiting = RegistrationStatus.REGISTERED, RegistrationStatus.WAITING
    assert await statuses(shop) == [registered, waiting, waiting]
    await shop.business.events.unregister(event, first)
    assert await statuses(shop) == [RegistrationStatus.CANCELLED, registered, waiting]
    await shop.business.events.edit(event, {"capacity": 2})
    assert await statuses(shop) == [RegistrationStatus.CANCELLED, registered, registered]


async def test_many_at_once_never_get_more_places_than_there_are(shop: Shop) -> None:
    event = await an_event(shop, capacity=3)
    await asyncio.gather(*(register(shop, event, each) for each in await people(shop, 12)))
    found = await statuses(shop)
    assert found.count(RegistrationStatus.REGISTERED) == 3
    stored = await shop.business.events.find(shop.owner, event.id)
    assert len(stored.seats) == 3


async def test_what_a_crash_left_is_completed(shop: Shop) -> None:
    event = await an_event(shop)
    (customer,) = await people(shop, 1)
    record = Registration(
        id=new_id(),
        owner=shop.owner,
        created_at=shop.clock(),
        event=event.id,
        customer=customer.id,
    )
    await shop.business.stores.registrations.add(record)  # and then it dies
    await shop.business.go_on()
    assert await statuses(shop) == [RegistrationStatus.REGISTERED]


async def test_nobody_registers_twice(shop: Shop) -> None:
    event = await an_event(shop)
    (customer,) = await people(shop, 1)
    await register(shop, event, customer)
    with pytest.raises(ExistsError):
        await register(shop, event, customer)


async def test_of_many_registrations_of_one_at_once_only_one_is_stored(shop: Shop) -> None:
    event = await an_event(shop, capacity=None)
    (customer,) = await people(shop, 1)
    results = await asyncio.gather(
        *(register(shop, event, customer) for _ in range(6)), return_exceptions=True
    )
    assert [type(each) for each in results if isinstance(each, Exception)] == [ExistsError] * 5
    (stored,) = await shop.business.stores.registrations.all(shop.owner, {})
    await shop.business.events.unregister(event, stored)
    again = await register(shop, event, customer)
    assert again.status is RegistrationStatus.REGISTERED


async def test_who_is_erased_leaves_their_places_and_the_waiting_list(shop: Shop) -> None:
    event = await an_event(shop)
    guests = await people(shop, 3)
    for each in guests:
        await register(shop, event, each)
    for each in guests[:2]:
        await shop.business.erasure.erase(each)
    cancelled = RegistrationStatus.CANCELLED
    assert await statuses(shop) == [cancelled, cancelled, RegistrationStatus.REGISTERED]


async def test_who_was_at_an_event_that_is_over_stays_counted(shop: Shop) -> None:
    event = await an_event(shop)
    (customer,) = await people(shop, 1)
    await register(shop, event, customer)
    shop.clock.move(10 * DAY)
    await shop.business.erasure.erase(customer)
    assert await statuses(shop) == [RegistrationStatus.REGISTERED]


async def test_reminders_follow_an_event_that_moves_and_end_with_it(shop: Shop) -> None:
    await shop.automation(Trigger.BEFORE_EVENT, "1d", template=EVENT.id)
    event = await an_event(shop)
    for each in await people(shop, 2):
        await register(shop, event, each)
    # Only who has a place is reminded.
    assert await shop.due() == [event.starts_at - DAY]
    later = event.starts_at + DAY
    moved = await shop.business.events.edit(
        event, {"startsAt": later, "endsAt": later + timedelta(hours=1)}
    )
    assert await shop.due() == [later - DAY]
    await shop.business.events.cancel(moved)
    assert await shop.messages() == []
    with pytest.raises(EventNotFoundError):
        await shop.business.events.find(shop.owner, event.id)
