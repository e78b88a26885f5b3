"""What is in the system when pictures are taken: a shop with three numbers and four customers."""

from __future__ import annotations

from tests.demo import shop, shop_data
from tests.demo.progress import Progress
from tests.demo.stack_client import StackClient as DemoStackClient
from tests.demo.story import link_phone
from tests.stack_client import PATIENCE, StackClient
from tests.waiting import until

SHOP, DELIVERIES = "+972501111111", "+972502222222"
_DANA, _NOA, _AVI, _TOM = "+972541234567", "+972529876543", "+972537654321", "+972548887766"
_TALK = (
    (_AVI, "in", "היי, אפשר לקבוע תור ליום חמישי?"),
    (_AVI, "out", "שלום אבי! יש מקום ב־10:30 או ב־16:00. מה נוח לך?"),
    (_AVI, "in", "16:00 מצוין, תודה רבה!"),
    (_NOA, "in", "Is my order ready?"),
    (_NOA, "out", "Yes, you can pick it up until seven."),
    (_TOM, "out", "Hello Tom, your invoice of November is on its way."),
    (_DANA, "in", "Hi, are you open on Friday?"),
    (_DANA, "out", "Hello Dana! Yes, from nine to one."),
    (_DANA, "in", "Great. Could I have an appointment at ten?"),
    (_DANA, "out", "Booked: Friday at 10:00. We will remind you a day before."),
    (_DANA, "in", "Perfect, see you then!"),
)
"""Who says what in the conversations of the shop, in this order."""
_WEBHOOKS = (
    ("Orders", "/orders", ["message.received", "message.status"]),
    ("Calendar", "/calendar", ["appointment.booked", "appointment.cancelled"]),
)


async def fill(system: StackClient, receiver: str) -> str:
    """Fill the system; return the address of the page of a signed link."""
    await _connect(system, "front_desk", "Front desk", SHOP)
    await _connect(system, "deliveries", "משלוחים", DELIVERIES)
    await system.create("newsletter", name="Newsletter")
    await _talk(system)
    for text in ("החבילה שלך בדרך אליך.", "Your parcel arrives at noon."):
        await system.until_message(await system.send(text, "deliveries"), "read")
    for description, path, events in _WEBHOOKS:
        wish = {"description": description, "url": receiver + path, "events": events}
        made = await system.post("/api/webhooks", wish)
        assert made["http"] == 201, made
    link = await system.post("/api/whatsapp/connections/newsletter/qr-link")
    return str(link["url"])


async def fill_shop(system: StackClient) -> str:
    """Fill the business side as the demo of a shop does."""
    stack, progress = DemoStackClient(system.about, system.http), Progress()
    await link_phone(stack, progress)
    await shop_data.fill(stack, progress)
    await shop.work(stack, progress)
    await shop_data.start_campaign(stack, progress)
    return ""


async def _connect(system: StackClient, connection_id: str, name: str, phone: str) -> None:
    await system.create(connection_id, name=name)
    await system.scan(connection_id, phone)
    await system.until_state("connected", connection_id)


async def _talk(system: StackClient) -> None:
    for customer in {who for who, _, _ in _TALK}:
        await system.control("POST", "phones", {"number": customer})
    for who, direction, text in _TALK:
        if direction == "out":
            message = await system.send(text, "front_desk", who)
            await system.until_message(message, "read")
        else:
            await system.control("POST", f"phones/{who}/say", {"to": SHOP, "text": text})
            await _until_received(system, who, text)


async def _until_received(system: StackClient, who: str, text: str) -> None:
    path = f"/api/whatsapp/chats/{who}/messages?connectionId=front_desk"

    async def there() -> bool:
        found = await system.get(path)
        return any(each.get("text") == text for each in found.get("items", []))

    await until(there, within=PATIENCE, every=system.look_every)
