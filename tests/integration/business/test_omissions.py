"""What automations do not send about an appointment, and why."""

from __future__ import annotations

from datetime import timedelta

from business.model import Agreement, Appointment, Purpose, Template
from business.omissions import Omission
from sessions.common.ids import new_id
from tests.integration.business.conftest import PHONE, Shop

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def _omitted(shop: Shop, found: Appointment) -> list[tuple[Omission, timedelta]]:
    """Return why messages are missing, and how long before the start each would go."""
    plans, stores = shop.business.plans, shop.business.stores
    messages = await plans.messages_about([found])
    customers = await stores.customers.by_ids([found.customer])
    omitted = await plans.omitted([found], customers, messages)
    return [(each.why, found.starts_at - each.due) for each in omitted[found.id]]


async def test_a_message_that_is_planned_is_not_missing(shop: Shop) -> None:
    await shop.automation()
    assert await _omitted(shop, await shop.book(await shop.customer())) == []


async def test_a_reminder_whose_time_is_over_came_too_late(shop: Shop) -> None:
    await shop.automation(offset="3d")
    shop.clock.move(DAY)
    found = await shop.book(await shop.customer(), within=DAY)
    assert await _omitted(shop, found) == []  # it was over before the automation was switched on
    await shop.automation(offset="2h")
    shop.clock.move(DAY)
    found = await shop.book(await shop.customer("+972549999999"), within=HOUR)
    assert (Omission.TOO_LATE, timedelta(hours=2)) in await _omitted(shop, found)


async def test_what_is_far_off_is_planned_later(shop: Shop) -> None:
    await shop.automation()
    found = await shop.book(await shop.customer(), within=timedelta(days=60))
    assert await _omitted(shop, found) == [(Omission.FAR_OFF, DAY)]


async def test_who_has_not_agreed_or_refuses_gets_nothing(shop: Shop) -> None:
    await shop.automation(purpose=Purpose.MARKETING)
    customer = await shop.customer()
    found = await shop.book(customer)
    assert await _omitted(shop, found) == [(Omission.NOT_AGREED, DAY)]
    states = {Purpose.MARKETING: Agreement.OUT}
    await shop.business.consents.record(shop.owner, PHONE, states, "test", shop.clock())
    assert await _omitted(shop, found) == [(Omission.OPTED_OUT, DAY)]


async def test_a_text_that_lacks_a_value_is_not_written(shop: Shop) -> None:
    template = Template(
        id=new_id(),
        owner=shop.owner,
        created_at=shop.clock(),
        name="Where",
        texts={"en": "Come to {{appointment.location}}"},
    )
    await shop.business.stores.templates.add(template)
    await shop.automation(template=template.id)
    found = await shop.book(await shop.customer())
    assert await _omitted(shop, found) == [(Omission.NOT_WRITTEN, DAY)]
