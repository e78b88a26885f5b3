"""Whom a message reaches, end to end: other spellings, groups that are lost, chats in trouble."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack_client import OUR_PHONE, THEIR_PHONE, StackClient

ASKED, ACCOUNT = "5511987654321", "551187654321"
MEXICO_ASKED, MEXICO_ACCOUNT = "525512345678", "5215512345678"
RESTRICTED, WITHOUT_LID, DEAD = "972500000001", "972500000002", "972500000003"


async def _number(system: StackClient, number: str, what: dict[str, Any]) -> None:
    await system.control("PUT", f"numbers/{number}", what)


@pytest.mark.linked
async def test_a_message_reaches_the_account_that_whatsapp_answers(system: StackClient) -> None:
    await _number(system, ASKED, {"canonical": ACCOUNT})
    await _number(system, MEXICO_ASKED, {"canonical": MEXICO_ACCOUNT})
    read = await system.until_message(await system.send("olá", to=f"+{ASKED}"), "read")
    assert (read["to"], read["chatId"]) == (f"{ASKED}@c.us", f"{ACCOUNT}@c.us")
    # A number that the library of numbers calls impossible is WhatsApp's to judge.
    for to in (f"+{MEXICO_ASKED}", f"00{MEXICO_ACCOUNT}"):
        await system.until_message(await system.send("hola", to=to), "read")
    assert [(each["to"], each["deliveredAt"] is not None) for each in await system.ledger()] == [
        (f"+{ACCOUNT}", True),
        (f"+{MEXICO_ACCOUNT}", True),
        (f"+{MEXICO_ACCOUNT}", True),
    ]
    checked = await system.get(f"/api/whatsapp/connections/main/numbers/+{ASKED}")
    assert checked == {
        "http": 200,
        "exists": True,
        "to": f"{ASKED}@c.us",
        "chatId": f"{ACCOUNT}@c.us",
    }


# `tests/integration/sending/test_recipients.py` has each reason.
@pytest.mark.slow
async def test_what_cannot_be_reached_fails_with_its_reason_and_holds_nobody_up(
    system: StackClient,
) -> None:
    await _number(system, RESTRICTED, {"trouble": "acp2Restricted"})
    await _number(system, DEAD, {"registered": False})
    gone, others = [await _group(system, members) for members in ([OUR_PHONE], [THEIR_PHONE])]
    await system.link()
    await system.control("DELETE", f"groups/{gone}")
    wanted = {
        await system.send("to a lost group", to=gone): ("failed", "group_gone"),
        await system.send("to a group of others", to=others): ("failed", "not_in_group"),
        await system.send("to a restricted chat", to=RESTRICTED): ("failed", "chat_restricted"),
        await system.send("to nobody", to=DEAD): ("queued", None),
    }
    await system.until_message(await system.send("to somebody"), "read")
    told = {each: await system.message(each) for each in wanted}
    ends = {each: (view["status"], view.get("reason")) for each, view in told.items()}
    waiting = [view["waiting"]["reason"] for view in told.values() if view["status"] == "queued"]
    assert waiting == ["checking_number"]
    assert ends == {**wanted, list(wanted)[-1]: ("queued", "checking_number")}
    assert [each["text"] for each in await system.ledger()] == ["to somebody"]


# `tests/integration/sending/test_recipients.py` has typing that fails or hangs.
@pytest.mark.slow
async def test_typing_that_cannot_be_shown_keeps_nothing_from_going(system: StackClient) -> None:
    await _number(system, WITHOUT_LID, {"trouble": "noAccountLid"})
    await system.link(pacing={"jitterSeconds": [0, 0]})
    await system.until_message(await system.send("no hidden id", to=WITHOUT_LID), "read")
    await system.control("PUT", "faults", {"presenceHang": True})
    await system.until_message(await system.send("no presence"), "read")
    assert len(await system.ledger()) == 2


async def _group(system: StackClient, members: list[str]) -> str:
    made = await system.control("POST", "groups", {"subject": "Team", "members": members})
    return str(made["id"])
