"""Messages to a hidden id, to a number that is kept under one, and to a group."""

from __future__ import annotations

import pytest

from tests.stack_client import OUR_PHONE, StackClient

OTHER_PHONE = "+972502222222"
MEMBER = "+972503333333"


async def _kept_under_hidden_ids(system: StackClient, phone: str) -> str:
    """Have WhatsApp keep chats with a phone, and its receipts, under its hidden id; return that."""
    wanted = {"addressing": "lid", "receiptsFromLid": True}
    return str((await system.control("PUT", f"numbers/{phone}", wanted))["lid"])


@pytest.mark.linked
async def test_each_kind_of_address_is_delivered_to_and_told_of(system: StackClient) -> None:
    members = {"subject": "We", "members": [OUR_PHONE, MEMBER]}
    group = str((await system.control("POST", "groups", members))["id"])
    hidden = await _kept_under_hidden_ids(system, "+972504444444")
    await _kept_under_hidden_ids(system, OTHER_PHONE)
    await system.control("PUT", "numbers/+972505555555", {"receiptsFromLid": True})
    await system.until_in_group(group)
    texts = {
        hidden: "to a hidden id",
        OTHER_PHONE: "to a number kept under one",
        "+972505555555": "to a number whose receipts come from one",
        group: "to a group",
    }
    # Each address twice: the second time the chat is known, and they go together.
    for again in ("", ", again"):
        ids = [await system.send(f"{text}{again}", to=to) for to, text in texts.items()]
        for each in ids:
            assert (await system.until_message(each, "read"))["deliveredAt"]
    delivered = [(each["text"], each["arrivals"]) for each in await system.ledger()]
    wanted = [(f"{text}{again}", 1) for again in ("", ", again") for text in texts.values()]
    assert delivered == wanted
