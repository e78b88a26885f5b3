"""What a shop has that has worked for a year: customers, a week of appointments, a campaign."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Any

from pymongo import AsyncMongoClient

from tests.demo.progress import Progress
from tests.demo.stack_client import StackClient
from tests.demo.story import CONNECTION
from tests.shop_year import ZONE, ShopYear

_OWNER = "admin"
_NAMES = (
    ("Dana Levi", "en"), ("נועה כהן", "he"), ("Avi Mizrahi", "en"), ("יוסי פרץ", "he"),
    ("Maya Biton", "en"), ("רונית אברהם", "he"), ("Tom Friedman", "en"), ("שירה דהן", "he"),
    ("Lior Katz", "en"), ("אורי גולן", "he"), ("Yael Azulay", "en"), ("עמית ביטון", "he"),
)  # fmt: skip
_PHONES = ("+972541234567", "+972549876543")
"""Those of the first two, who take part in the story."""
_SERVICES = (("Haircut", 30), ("תספורת", 30), ("Colour", 90), ("Beard", 20))
_HOURS = ((9, 0), (10, 30), (12, 0), (14, 0), (16, 30))
_WORKING_DAYS = 6
_ENDINGS = ("complete", "complete", "complete", "no-show", "complete", "cancel")
_SUBSCRIBERS = 24
_YEAR = (1200, 400)
"""Appointments, and messages of campaigns."""
_DAY = timedelta(days=1)


async def fill(stack: StackClient, progress: Progress) -> None:
    """Give the shop its data; raise `DemoError` if the API refuses any."""
    async with progress.step("The shop's data", doing="Filling in what a shop has after a year"):
        customers = [await _customer(stack, number) for number in range(len(_NAMES))]
        await _week(stack, [customer for customer, _ in customers])
        await _event(stack, [customer for customer, _ in customers[:6]])
        await _year(stack, customers)
    progress.say(
        f"  {len(customers)} customers, a week of appointments, an event with a waiting list, "
        "and a year of numbers"
    )


async def _made(stack: StackClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return await stack.expect(HTTPStatus.CREATED, "POST", f"/api/{path}", body)


async def _customer(stack: StackClient, number: int) -> tuple[str, str]:
    """Return the id and the number of a new customer."""
    name, language = _NAMES[number]
    phone = _PHONES[number] if number < len(_PHONES) else f"+97254300{number:04d}"
    tags = ["regular"] if number % 3 == 0 else []
    body = {"name": name, "phone": phone, "language": language, "tags": tags}
    return (await _made(stack, "customers", body))["id"], phone


async def _week(stack: StackClient, customers: Sequence[str]) -> None:
    """Book this week from Sunday on, and end what is over."""
    now = datetime.now(UTC)
    today = now.astimezone(ZONE).date()
    sunday = today - _DAY * (today.isoweekday() % 7)
    number = 0
    for day in (sunday + _DAY * each for each in range(_WORKING_DAYS)):
        for hour, minute in _HOURS:
            starts = datetime.combine(day, time(hour, minute), ZONE)
            number += 1
            booked = await _book(stack, customers[number % len(customers)], number, starts)
            deed = _ENDINGS[number % len(_ENDINGS)] if starts < now else _coming(number)
            if deed:
                path = f"/api/appointments/{booked}/{deed}"
                await stack.expect(HTTPStatus.OK, "POST", path)


async def _book(stack: StackClient, customer: str, number: int, starts: datetime) -> str:
    service, minutes = _SERVICES[number % len(_SERVICES)]
    body = {
        "customer": customer,
        "connectionId": CONNECTION,
        "service": service,
        "startsAt": starts.isoformat(),
        "endsAt": (starts + timedelta(minutes=minutes)).isoformat(),
    }
    return str((await _made(stack, "appointments", body))["id"])


def _coming(number: int) -> str | None:
    """Return what happens to an appointment that is still to come."""
    return {0: "confirm", 3: "cancel"}.get(number % 5)


async def _event(stack: StackClient, customers: Sequence[str]) -> None:
    starts = datetime.now(UTC).replace(microsecond=0) + 10 * _DAY
    body = {"name": "Open evening", "startsAt": starts.isoformat(), "capacity": 4}
    event = await _made(stack, "events", body)
    for customer in customers:
        await _made(stack, f"events/{event['id']}/registrations", {"customer": customer})


async def start_campaign(stack: StackClient, progress: Progress) -> None:
    """Start a campaign, which goes on by itself at the pace of the connection."""
    for number in range(_SUBSCRIBERS):
        body = {"name": f"Subscriber {number + 1}", "phone": f"+97255400{number:04d}"}
        await _made(stack, "subscribers", body)
    texts = {"en": "This week: 20 % off all colours. Reply STOP to end these messages."}
    template = await _made(stack, "templates", {"name": "Offer", "texts": texts})
    wish = {"name": "Offer of the week", "template": template["id"], "connectionId": CONNECTION}
    campaign = await _made(stack, "campaigns", wish)
    await stack.expect(HTTPStatus.OK, "POST", f"/api/campaigns/{campaign['id']}/start")
    progress.say(f"A campaign to {_SUBSCRIBERS} subscribers has begun")


async def _year(stack: StackClient, customers: Sequence[tuple[str, str]]) -> None:
    """Store the past directly: nobody can send messages a year ago."""
    async with AsyncMongoClient[dict[str, Any]](stack.ready["mongo"], tz_aware=True) as client:
        database = client.get_default_database()
        record = await database["connections"].find_one({"connectionId": CONNECTION})
        until = datetime.now(UTC) - 8 * _DAY
        appointments, others = _YEAR
        year = ShopYear(_OWNER, record or {}, until, appointments, others, customers)
        by_collection: dict[str, list[dict[str, Any]]] = {}
        for name, document in year.documents():
            by_collection.setdefault(name, []).append(document)
        for name, documents in by_collection.items():
            await database[name].insert_many(documents, ordered=False)
