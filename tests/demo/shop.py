"""What the demo of a shop shows: a booking, the question before it, its answer, a cancellation."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from tests.demo.progress import Progress
from tests.demo.stack_client import DemoError, StackClient
from tests.demo.story import CONNECTION, OURS, follow, poll
from tests.shop_year import ZONE

DANA = {"name": "Dana Levi", "phone": "+972541234567", "language": "en"}
NOA = {"name": "נועה כהן", "phone": "+972549876543", "language": "he"}
_SOON = timedelta(seconds=15)
"""So long after the booking comes the question: the appointment is that much more than two hours
away, and the rule says two hours."""
_RULES = ("Tell of a booking", "Ask 2 hours before")
_NAMES = {"appointment.booked": "the confirmation", "before_appointment": "the question"}
_QUESTION = "ready_reminder_with_a_question"


async def work(stack: StackClient, progress: Progress) -> None:
    """Let a shop work for a minute; raise `DemoError` when a step fails."""
    await _switch_rules_on(stack, progress)
    dana = await _customer(stack, DANA)
    async with progress.step("Booking to its confirmation read", doing="Dana books a haircut"):
        booked = await _book(stack, progress, dana, "Haircut", timedelta(hours=2) + _SOON)
        await follow(stack, progress, _message(booked, "appointment.booked"))
        await _show_newest(stack, progress, DANA["phone"])
    doing = "Two hours before it, the question goes by itself"
    async with progress.step("The question, when it was due, to read", doing=doing):
        await follow(stack, progress, _message(booked, "before_appointment"))
        await _show_newest(stack, progress, DANA["phone"])
    async with progress.step("Her answer to the confirmed appointment", doing="Dana answers “1”"):
        await _answer(stack, DANA["phone"], "1")
        await poll("the appointment to be confirmed", lambda: _confirmed(stack, booked["id"]))
        progress.say("  The appointment is confirmed")
        await poll("the answer to her answer", lambda: _thanked(stack))
        await _show_newest(stack, progress, DANA["phone"])
    await _cancel_another(stack, progress)


async def _switch_rules_on(stack: StackClient, progress: Progress) -> None:
    """Switch on two of the ready-made rules, the second with a question for an answer."""
    ready = await stack.expect(HTTPStatus.OK, "GET", "/api/automations?readyMade=true")
    booked = next(each for each in ready["items"] if each["trigger"] == "appointment.booked")
    asks = {
        "trigger": "before_appointment",
        "offset": "2h",
        "template": _QUESTION,
        "purpose": "reminder",
    }
    for name, rule in zip(_RULES, (booked, asks), strict=True):
        kept = {key: rule[key] for key in asks if key in rule}
        body = {**kept, "name": name, "connectionId": CONNECTION, "enabled": True}
        await stack.expect(HTTPStatus.CREATED, "POST", "/api/automations", body)
    progress.say(f"Two rules are on: {' · '.join(_RULES)}")


async def _customer(stack: StackClient, person: dict[str, str]) -> str:
    """Return the id of a customer, who may be there already."""
    status, answer = await stack.api("POST", "/api/customers", person)
    if status not in (HTTPStatus.CREATED, HTTPStatus.CONFLICT):
        raise DemoError(f"The customer {person['name']} could not be added: {answer}")
    return str(answer["id"])


async def _book(
    stack: StackClient, progress: Progress, customer: str, service: str, within: timedelta
) -> dict[str, Any]:
    starts = datetime.now(UTC).replace(microsecond=0) + within
    body = {
        "customer": customer,
        "connectionId": CONNECTION,
        "service": service,
        "startsAt": starts.isoformat().replace("+00:00", "Z"),
    }
    booked = await stack.expect(HTTPStatus.CREATED, "POST", "/api/appointments", body)
    planned = ", ".join(_planned(each) for each in booked["messages"])
    progress.say(f"  {service} on {starts.astimezone(ZONE):%A at %H:%M}; in the outbox: {planned}")
    return booked


def _planned(message: dict[str, Any]) -> str:
    due = datetime.fromisoformat(message["dueAt"].replace("Z", "+00:00"))
    return f"{_NAMES[message['trigger']]} for {due.astimezone(ZONE):%A %H:%M:%S}"


def _message(booked: dict[str, Any], trigger: str) -> str:
    """Return the id of the message that a rule has for an appointment."""
    found = [each["messageId"] for each in booked["messages"] if each["trigger"] == trigger]
    if not found:
        raise DemoError(f"No message {trigger} was planned: {booked}")
    return str(found[0])


async def _answer(stack: StackClient, phone: str, text: str) -> None:
    await stack.control("POST", f"/phones/{phone[1:]}/say", {"to": OURS, "text": text})


async def _confirmed(stack: StackClient, appointment: str) -> bool | None:
    found = await stack.expect(HTTPStatus.OK, "GET", f"/api/appointments/{appointment}")
    if found["status"] not in ("booked", "confirmed"):
        raise DemoError(f"The appointment should be confirmed: {found}")
    return found["status"] == "confirmed" or None


async def _thanked(stack: StackClient) -> bool | None:
    return any("Confirmed" in each for each in await _texts_to(stack, DANA["phone"])) or None


async def _texts_to(stack: StackClient, phone: str) -> list[str]:
    """Return what has arrived at a phone."""
    path = f"/ledger?from={OURS[1:]}&to={phone[1:]}"
    entries: list[dict[str, Any]] = await stack.control("GET", path)
    if doubled := [each["text"] for each in entries if each["arrivals"] != 1]:
        raise DemoError(f"Each message should have arrived once: {doubled}")
    return [str(each["text"]) for each in entries]


async def _show_newest(stack: StackClient, progress: Progress, phone: str) -> None:
    text = (await _texts_to(stack, phone))[-1]
    for line in text.splitlines():
        progress.say(f"  │ {line}")


async def _cancel_another(stack: StackClient, progress: Progress) -> None:
    """Show that nobody is asked about an appointment that was cancelled."""
    noa = await _customer(stack, NOA)
    async with progress.step(
        "A cancellation takes its question back", doing="Noa books and cancels"
    ):
        booked = await _book(stack, progress, noa, "תספורת", timedelta(days=2))
        await stack.expect(HTTPStatus.OK, "POST", f"/api/appointments/{booked['id']}/cancel")
        question = _message(booked, "before_appointment")
        left = await stack.expect(HTTPStatus.OK, "GET", f"/messages/{question}")
        if (left["status"], left.get("reason")) != ("cancelled", "superseded"):
            raise DemoError(f"The question should have been taken back: {left}")
        progress.say("  Her question will not be sent: cancelled (superseded)")
