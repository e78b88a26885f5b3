"""Prove what the simulated page does with recipients: their ids, troubles, groups and typing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import Tab, World, small_world

ME = "+972501234567"
FRIEND_NUMBER = "+15551234567"
FRIEND = "15551234567@c.us"
ASKED, CANONICAL = "5511987654321", "551187654321"
ANSWERED = """
(to) => WPP.whatsapp.functions.queryWidExists(WPP.util.createWid(to))
  .then((found) => found && String(found.wid), (error) => `${error.name} ${error.status}`)
"""
FIND = """
(to) => WPP.chat.find(to).then(
  (chat) => String(chat.id), (error) => `${error.name}: ${error.message}`)
"""
TYPE = """
(to) => Promise.race([
  WPP.chat.markIsComposing(to).then(() => 'shown', (error) => error.message),
  new Promise((resolve) => setTimeout(resolve, 1000, 'hangs')),
])
"""

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def _number(world: World, number: str, **what: object) -> None:
    await world.hand.good("PUT", f"/control/numbers/{number}", **what)


async def test_a_check_answers_with_the_account_and_the_asked_id_leads_nowhere(
    world: World,
) -> None:
    await _number(world, ASKED, canonical=CANONICAL)
    async with world.linked(ME) as tab:
        assert await tab.ask(ANSWERED, f"{ASKED}@c.us") == f"{CANONICAL}@c.us"
        lost = await tab.send(f"{ASKED}@c.us", "lost")
        assert (lost["result"], lost["ack"]) == ("OK", 1)
        await tab.send(f"{CANONICAL}@c.us", "found")
        await tab.until("WPP.whatsapp.MsgStore.last().ack === 3")
        entries = await world.hand.ledger()
        assert [(each["to"], each["deliveredAt"] is None) for each in entries] == [
            (f"+{ASKED}", True),
            (f"+{CANONICAL}", False),
        ]


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("noLid", "Error: No LID for user"),
        ("lidMissing", "Error: Lid is missing in chat table"),
    ],
)
async def test_a_chat_that_the_page_cannot_make(world: World, trouble: str, says: str) -> None:
    await _number(world, FRIEND_NUMBER, trouble=trouble)
    async with world.linked(ME) as tab:
        assert await tab.ask(FIND, FRIEND) == says
        await _number(world, FRIEND_NUMBER, trouble=None)
        assert await tab.ask(FIND, FRIEND) == FRIEND


async def test_a_check_may_be_refused(world: World) -> None:
    await _number(world, FRIEND_NUMBER, trouble="statusCode")
    async with world.linked(ME) as tab:
        assert await tab.ask(ANSWERED, FRIEND) == "ServerStatusCodeError 429"


async def test_a_restricted_chat_takes_nothing(world: World) -> None:
    await _number(world, FRIEND_NUMBER, trouble="acp2Restricted")
    async with world.linked(ME) as tab:
        sent = await tab.send(FRIEND, "no")
        assert (sent["result"], sent["code"], sent["ack"]) == ("ERROR_UNKNOWN", None, -1)
        assert await tab.ask("WPP.whatsapp.MsgStore.last().errorCode") == "Acp2Restricted"
        assert await world.hand.ledger() == []


async def test_typing_may_throw_or_hang(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask(FIND, FRIEND)
        assert await tab.ask(TYPE, FRIEND) == "shown"
        await world.hand.faults(presenceHang=True)
        assert await tab.ask(TYPE, FRIEND) == "hangs"
        await world.hand.faults(presenceHang=None)
        await _number(world, "+15557654321", trouble="noAccountLid")
        await tab.ask(FIND, "15557654321@c.us")
        assert "accountLid" in await tab.ask(TYPE, "15557654321@c.us")


@pytest.mark.parametrize("unavailable", [False, True])
async def test_sending_marks_the_chat_seen_whatever_was_wanted(
    world: World, unavailable: bool
) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(unavailable=unavailable)
        await tab.until(f"WPP.whatsapp.Stream.available === {str(not unavailable).lower()}")
        await world.hand.good("POST", f"/control/phones/{FRIEND_NUMBER}/say", to=ME, text="hi")
        unread = f"WPP.chat.get('{FRIEND}')?.unreadCount"
        await tab.until(f"{unread} === 1")
        await tab.send(FRIEND, "answer")  # with markIsRead: false
        if unavailable:
            assert await tab.ask(unread) == 1, "nobody is at the page"
            await world.hand.faults(unavailable=None)
        await tab.until(f"{unread} === 0")


async def test_a_group_that_is_gone_and_one_we_are_not_in_are_found_and_refuse(
    world: World,
) -> None:
    async with world.linked(ME) as tab:
        ours, others = [
            (await world.hand.good("POST", "/control/groups", subject="T", members=members))["id"]
            for members in ([ME, FRIEND_NUMBER], [FRIEND_NUMBER])
        ]
        assert await _group(tab, ours) == (True, "success")
        assert await _group(tab, others) == (False, "not_member")
        refused = await tab.send(others, "no", message_id=await tab.new_id(others))
        assert (refused["result"], refused["code"]) == ("ERROR_UNKNOWN", 403)
        await world.hand.good("PUT", f"/control/groups/{ours}", members=[FRIEND_NUMBER])
        await tab.until(f"!WPP.whatsapp.GroupMetadataStore.get('{ours}').participants.length")
        assert await _group(tab, ours) == (False, "not_member")
        await world.hand.good("DELETE", f"/control/groups/{ours}")
        assert await _group(tab, ours) == (False, "terminated")


async def _group(tab: Tab, group: str) -> tuple[bool, str]:
    """Return whether we are in a group as the page knows it, and what its server says."""
    member, status = await tab.ask(
        "(id) => WPP.chat.find(id).then(async ({id: wid}) => ["
        "WPP.whatsapp.GroupMetadataStore.get(wid).participants.iAmMember(),"
        "(await require('WAWebGroupQueryGroupJob').queryGroupJob(wid)).status])",
        group,
    )
    return bool(member), str(status)
