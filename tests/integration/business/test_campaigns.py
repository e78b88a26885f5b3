"""A campaign reaches everybody who is eligible at that moment, each number once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from business.errors import WrongStateOfRecordError
from business.model import Agreement, Campaign, CampaignStatus, Language, Purpose, Template
from business.ready_made import WELCOME
from sessions.common.ids import new_id
from sessions.messages.model import Priority
from tests.integration.business.conftest import Shop


async def draft(shop: Shop, **fields: object) -> Campaign:
    """Store a campaign."""
    values = {"template": WELCOME.id, "connection_id": "main", "list": "news", **fields}
    record = Campaign.model_validate(
        {
            "_id": new_id(),
            "owner": shop.owner,
            "created_at": shop.clock(),
            "name": "Spring",
            **values,
        }
    )
    return await shop.business.stores.campaigns.add(record)


def phone(number: int) -> str:
    return f"+9725412{number:05}"


async def many(shop: Shop, count: int) -> None:
    """Add subscribers."""
    for number in range(count):
        await shop.subscriber(phone(number))


async def end(shop: Shop, status: str, count: int = 1000) -> None:
    """Have waiting messages of campaigns ended."""
    for each in (await shop.messages())[:count]:
        await shop.stores.database["messages"].update_one(
            {"_id": each.id}, {"$set": {"status": status, "statusAt": shop.clock()}}
        )


async def state(shop: Shop, campaign: Campaign) -> Campaign:
    return await shop.business.stores.campaigns.find(shop.owner, campaign.id)


async def test_it_goes_in_batches_at_low_priority_to_each_number_once(shop: Shop) -> None:
    await many(shop, 120)
    campaign = await draft(shop)
    await shop.business.campaigns.start(campaign)
    for _ in range(4):
        await shop.business.campaigns.go_on()
        waiting = await shop.messages()
        assert len(waiting) <= 50
        assert {each.priority for each in waiting} <= {Priority.LOW}
        await end(shop, "sent")
    sent = await shop.messages("sent")
    assert len({each.to for each in sent}) == len(sent) == 120
    assert (await state(shop, campaign)).status is CampaignStatus.FINISHED


async def test_its_text_may_name_the_connection(shop: Shop) -> None:
    await many(shop, 1)
    template = Template(
        id=new_id(),
        owner=shop.owner,
        created_at=shop.clock(),
        name="From us",
        texts={Language.EN: "From {{connection.name}}", Language.HE: "{{connection.name}}"},
    )
    await shop.business.stores.templates.add(template)
    await shop.business.campaigns.start(await draft(shop, template=template.id))
    await shop.business.campaigns.go_on()
    (message,) = await shop.messages()
    connection = await shop.stores.connections.find(shop.owner, "main")
    assert connection.name in str(message.text)


async def test_who_opts_out_before_their_batch_gets_nothing(shop: Shop) -> None:
    await many(shop, 60)
    campaign = await draft(shop)
    await shop.business.campaigns.start(campaign)
    await shop.business.campaigns.go_on()
    out = {Purpose.MARKETING: Agreement.OUT}
    await shop.business.consents.record(shop.owner, phone(55), out, "test", shop.clock())
    await end(shop, "sent")
    await shop.business.campaigns.go_on()
    await end(shop, "sent")
    sent = {each.to for each in await shop.messages("sent")}
    assert len(sent) == 59
    assert f"{phone(55).lstrip('+')}@c.us" not in sent
    assert (await state(shop, campaign)).skipped == {"opted_out": 1}


async def test_a_crash_before_the_mark_was_moved_sends_nobody_a_second_one(shop: Shop) -> None:
    await many(shop, 20)
    campaign = await draft(shop)
    await shop.business.campaigns.start(campaign)
    await shop.business.campaigns.go_on()
    await end(shop, "sent")
    await shop.business.stores.campaigns.collection.update_one(
        {"_id": campaign.id}, {"$set": {"mark": "", "status": "running"}}
    )
    await shop.business.campaigns.go_on()
    assert len(await shop.messages(None)) == 20


async def test_a_pause_takes_back_what_waits_and_resuming_goes_on_from_there(shop: Shop) -> None:
    await many(shop, 30)
    campaign = await draft(shop)
    running = await shop.business.campaigns.start(campaign)
    await shop.business.campaigns.go_on()
    await end(shop, "sent", 10)
    paused = await shop.business.campaigns.move(running, CampaignStatus.PAUSED)
    assert await shop.messages() == []
    out = {Purpose.MARKETING: Agreement.OUT}
    withdrawn = (await shop.messages("cancelled"))[0]
    number = f"+{withdrawn.to.partition('@')[0]}"
    await shop.business.consents.record(shop.owner, number, out, "test", shop.clock())
    await shop.business.campaigns.go_on()
    assert await shop.messages() == []
    await shop.business.campaigns.move(paused, CampaignStatus.RUNNING)
    await shop.business.campaigns.go_on()
    assert len(await shop.messages()) == 19
    await end(shop, "sent")
    await shop.business.campaigns.go_on()
    assert (await state(shop, campaign)).status is CampaignStatus.FINISHED
    assert len(await shop.messages("sent")) == 29


async def test_ten_failures_in_a_row_pause_it_and_resuming_counts_anew(shop: Shop) -> None:
    await many(shop, 70)
    campaign = await draft(shop)
    await shop.business.campaigns.start(campaign)
    await shop.business.campaigns.go_on()
    await end(shop, "sent", 5)
    shop.clock.move(timedelta(seconds=1))
    await end(shop, "failed", 10)
    await shop.business.campaigns.go_on()
    paused = await state(shop, campaign)
    assert (paused.status, paused.reason) == (CampaignStatus.PAUSED, "too_many_failed")
    shop.clock.move(timedelta(seconds=1))
    await shop.business.campaigns.move(paused, CampaignStatus.RUNNING)
    await shop.business.campaigns.go_on()
    assert (await state(shop, campaign)).status is CampaignStatus.RUNNING


async def test_a_scheduled_one_starts_at_its_time(shop: Shop) -> None:
    await many(shop, 1)
    campaign = await draft(shop, send_at=shop.clock() + timedelta(hours=1))
    scheduled = await shop.business.campaigns.start(campaign)
    assert scheduled.status is CampaignStatus.SCHEDULED
    await shop.business.campaigns.go_on()
    assert await shop.messages() == []
    shop.clock.move(timedelta(hours=1))
    await shop.business.campaigns.go_on()
    assert len(await shop.messages()) == 1


async def test_a_finished_one_cannot_be_started_again(shop: Shop) -> None:
    campaign = await draft(shop)
    await shop.business.campaigns.start(campaign)
    await shop.business.campaigns.go_on()
    finished = await state(shop, campaign)
    with pytest.raises(WrongStateOfRecordError):
        await shop.business.campaigns.start(finished)
    with pytest.raises(WrongStateOfRecordError):
        await shop.business.campaigns.edit(finished, {"name": "Other"})


async def test_its_numbers_are_counted(shop: Shop) -> None:
    await many(shop, 4)
    campaign = await draft(shop)
    await shop.business.campaigns.start(campaign)
    await shop.business.campaigns.go_on()
    await end(shop, "failed", 1)
    counts = await shop.business.campaigns.counts(campaign)
    assert (counts["queued"], counts["failed"], counts["replied"]) == (3, 1, 0)
