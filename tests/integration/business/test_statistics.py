"""Statistics: summed up from days, of which those that are over are counted now and then."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from business.statistics import Span
from tests.builders import OWNER
from tests.integration.business.conftest import Shop
from tests.shop_year import ShopYear

ZONE = "Asia/Jerusalem"
NOW = datetime(2027, 6, 16, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def message(at: datetime, status: str = "read", **fields: Any) -> dict[str, Any]:
    sent = {"sentAt": at, "readAt": at + timedelta(seconds=100)} if status == "read" else {}
    return {"_id": str(at), "owner": OWNER, "queuedAt": at, "status": status, **sent, **fields}


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+03:00").astimezone(UTC)


async def numbers(shop: Shop, since: datetime, until: datetime, by: str = "day") -> Any:
    return await shop.business.statistics.of(OWNER, Span(since, until, by, ZONE))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", {"2027-04-30": 1, "2027-05-01": 1, "2027-05-02": 2, "2027-06-15": 1}),
        ("week", {"2027-04-25": 2, "2027-05-02": 2, "2027-06-13": 1}),
        ("month", {"2027-04-01": 1, "2027-05-01": 3, "2027-06-01": 1}),
    ],
)
async def test_messages_are_counted_in_steps_of_the_local_calendar(
    shop: Shop, by: str, expected: dict[str, int]
) -> None:
    shop.clock.at = NOW
    times = [
        "2027-04-30T23:59", "2027-05-01T00:00", "2027-05-02T00:00", "2027-05-02T23:59",
        "2027-06-15T10:00", "2027-06-16T15:00",  # the last one is in the future
    ]  # fmt: skip
    await shop.stores.database["messages"].insert_many([message(local(each)) for each in times])
    found = await numbers(shop, local("2027-01-01T00:00"), NOW, by)
    begins = {local(f"{day}T00:00"): count for day, count in expected.items()}
    assert {each.at: each.sent for each in found.messages} == begins


async def test_the_first_and_the_last_day_count_as_far_as_they_are_asked_for(shop: Shop) -> None:
    shop.clock.at = NOW
    hours = [local(f"2027-05-0{day}T{hour}:00") for day in (1, 2, 3) for hour in ("08", "20")]
    await shop.stores.database["messages"].insert_many([message(each) for each in hours])
    found = await numbers(shop, hours[1], hours[4] + DAY / 24)
    assert [each.sent for each in found.messages] == [1, 2, 1]
    assert (await numbers(shop, hours[5], hours[0])).messages == []


async def test_what_is_kept_of_days_is_what_was_counted(shop: Shop) -> None:
    shop.clock.at = NOW
    record = {"_id": "internal", "connectionId": "main"}
    year = ShopYear(OWNER, record, NOW, appointments=60, others=30)
    for name, document in year.documents():
        await shop.stores.database[name].insert_one(document)
    since = NOW - 400 * DAY
    first = await numbers(shop, since, NOW, "month")
    again = await numbers(shop, since, NOW, "month")
    assert first == again
    assert sum(each.sent for each in first.messages) > 60
    assert first.replies > 0
    assert first.time_to_read is not None
    ended = Counter[str]()
    for each in first.appointments:
        ended.update(each.by_status)
    assert ended.total() == 60


async def test_the_time_to_read_is_told_to_a_few_per_cent(shop: Shop) -> None:
    shop.clock.at = NOW
    await shop.stores.database["messages"].insert_many(
        [message(NOW - 20 * DAY), message(NOW - 2 * DAY), message(NOW - DAY, "sent")]
    )
    found = await numbers(shop, NOW - 30 * DAY, NOW)
    assert found.time_to_read == pytest.approx(100, rel=0.05)


async def test_days_are_counted_again_while_they_change_and_outlive_their_messages(
    shop: Shop,
) -> None:
    shop.clock.at = NOW
    at = NOW - 10 * DAY
    messages = shop.stores.database["messages"]
    await messages.insert_one(message(at, "delivered"))

    async def statuses() -> dict[str, int]:
        (found,) = (await numbers(shop, NOW - 20 * DAY, NOW)).messages
        return dict(found.by_status)

    assert await statuses() == {"delivered": 1}
    await messages.update_one({}, {"$set": {"status": "read"}})
    assert await statuses() == {"delivered": 1}
    shop.clock.move(DAY)
    assert await statuses() == {"read": 1}
    shop.clock.move(40 * DAY)
    assert await statuses() == {"read": 1}
    await messages.delete_many({})
    shop.clock.move(300 * DAY)
    assert await statuses() == {"read": 1}
