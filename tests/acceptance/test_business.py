"""A shop, end to end: it books, the customer's phone is reminded, and its answer confirms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessions.common.clock import utc_now
from tests.stack_client import OUR_PHONE, THEIR_PHONE, StackClient
from tests.waiting import until

DAY = timedelta(days=1)


async def _booked(system: StackClient, within: timedelta) -> dict[str, Any]:
    """Book an appointment whose customer is asked a day before to confirm it."""
    customer = await system.post(
        "/api/customers", {"name": "Dana", "phone": THEIR_PHONE, "language": "en"}
    )
    await system.post(
        "/api/automations",
        {
            "name": "Ask",
            "trigger": "before_appointment",
            "offset": "24h",
            "template": "ready_reminder_with_a_question",
            "purpose": "reminder",
            "connectionId": "main",
            "enabled": True,
        },
    )
    starts = (utc_now() + within).isoformat().replace("+00:00", "Z")
    return await system.post(
        "/api/appointments",
        {
            "customer": customer["id"],
            "connectionId": "main",
            "service": "Haircut",
            "startsAt": starts,
        },
    )


@pytest.mark.linked
async def test_a_reminder_goes_by_itself_and_its_answer_confirms_and_is_answered(
    system: StackClient,
) -> None:
    appointment = await _booked(system, DAY + timedelta(seconds=5))
    (planned,) = appointment["messages"]
    await system.until_message(planned["messageId"], "read")
    phone = THEIR_PHONE.lstrip("+")
    await system.control("POST", f"phones/{phone}/say", {"to": OUR_PHONE, "text": "1"})
    path = f"/api/appointments/{appointment['id']}"

    async def confirmed() -> bool:
        return bool((await system.get(path))["status"] == "confirmed")

    await until(confirmed)

    async def answered() -> bool:
        return len(await system.ledger()) == 3

    await until(answered)
    reminder, _, answer = [each["text"] for each in await system.ledger()]
    assert "Haircut" in reminder
    assert "Confirmed" in answer


# `test_planning.py` takes the reminder back.
@pytest.mark.slow
async def test_a_cancelled_appointment_reminds_nobody(system: StackClient) -> None:
    await system.create("main")
    await system.scan()
    await system.until_state("connected")
    appointment = await _booked(system, DAY + timedelta(seconds=6))
    await system.post(f"/api/appointments/{appointment['id']}/cancel")
    (planned,) = appointment["messages"]
    ended = await system.until_message(planned["messageId"], "cancelled")
    assert ended["reason"] == "superseded"
    await system.until_message(await system.send("after it"), "read")
    assert [each["text"] for each in await system.ledger()] == ["after it"]
