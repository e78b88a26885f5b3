"""Prove with real Chromium and unmodified wa-js that one message goes end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import Hand, World, small_world
from tests.waiting import until

ME = "+972501234567"
FRIEND = "15551234567@c.us"


pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def test_a_message_goes_from_code_to_read(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        assert (await tab.state())["mode"] == "QR"
        code = await tab.code()
        assert len(code.split(",")) == 4
        await world.hand.link(tab, ME)
        stale, _ = await world.hand.call("POST", f"/control/phones/{ME}/scan", code=code)
        assert stale == 409
        assert await tab.state() == {
            "authenticated": True,
            "online": True,
            "mode": "MAIN",
            "info": "NORMAL",
            "socket": "CONNECTED",
            "me": "972501234567@c.us",
        }
        chosen = await tab.new_id(FRIEND)
        await world.hand.faults(holdAcks=True)
        sent = await tab.send(FRIEND, "hello", message_id=chosen)
        assert sent == {"id": chosen, "ack": 1, "result": "OK", "code": None}
        await world.hand.faults(holdAcks=False)
        await tab.until("window.heard.filter((e) => e.name === 'chat.msg_ack_change').length >= 3")
        acks = await tab.heard("chat.msg_ack_change")
        assert acks == [{"ack": ack, "ids": [chosen]} for ack in (1, 2, 3)]
        assert (await tab.send(FRIEND, "hello", message_id=chosen))["error"] == (
            "DuplicateMessageError"
        )
        [entry] = await world.hand.ledger()
        assert entry["text"] == "hello"
        assert entry["arrivals"] == 1
        assert entry["deliveredAt"] is not None
        heard = set(await tab.ask("window.heard.map((event) => event.name)"))
        assert "conn.main_ready" in heard
        # The command bus of the page has no events for these: wa-js waits for them in vain.
        assert heard.isdisjoint({"conn.authenticated", "conn.main_loaded", "conn.logout"})
        assert tab.complaints == []


async def test_a_restart_needs_no_code_and_knows_its_messages(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        await world.hand.link(tab, ME)
        sent = await tab.send(FRIEND, "once")
    async with world.tab() as tab:
        await tab.open()
        await tab.until_mode("MAIN")
        found = await tab.look_up(FRIEND, sent["id"])
        assert found["body"] == "once"
        assert found["ack"] >= 1
        assert (await tab.send(FRIEND, "once", message_id=sent["id"]))["error"] == (
            "DuplicateMessageError"
        )
        missing = await tab.look_up(FRIEND, await tab.new_id(FRIEND))
        assert missing == {"error": "msg_not_found"}
    [entry] = await world.hand.ledger()
    assert entry["arrivals"] == 1


@pytest.mark.parametrize(
    "loss",
    [
        "localStorage.clear()",
        "indexedDB.databases().then((all) => all.map(({name}) => indexedDB.deleteDatabase(name)))",
    ],
    ids=["localStorage", "IndexedDB"],
)
async def test_half_a_login_is_none(world: World, loss: str) -> None:
    async with world.tab() as tab:
        await tab.open()
        await world.hand.link(tab, ME)
        sent = await tab.send(FRIEND, "to be forgotten")
        await tab.page.goto(world.web.url + "/static/page.css")
        await tab.ask(loss)
        await tab.open()
        await tab.until_mode("QR")
        assert (await tab.state())["authenticated"] is False
        await world.hand.link(tab, ME)
        assert await tab.look_up(FRIEND, sent["id"]) == {"error": "msg_not_found"}


async def test_codes_take_turns_then_rest_until_asked(world: World) -> None:
    await world.hand.faults(qrFirstMs=4000, qrNextMs=250)
    async with world.tab() as tab:
        await tab.open()
        first = await tab.code()
        await tab.until("WPP.whatsapp.Socket.state === 'UNPAIRED_IDLE'")
        assert await tab.heard("conn.qrcode_idle")
        assert len(await tab.heard("conn.auth_code_change")) == 6
        assert (await world.hand.call("POST", f"/control/phones/{ME}/scan", code=first))[0] == 409
        await world.hand.faults(qrFirstMs=60_000)
        # wa-js calls Cmd.refreshQR, which WhatsApp Web does not have (any more).
        broken = await tab.ask("WPP.conn.refreshQR().catch((error) => error.name)")
        assert broken == "TypeError"
        last = await tab.ask("WPP.whatsapp.Conn.ref")
        await tab.page.get_by_role("button", name="Click to reload QR code").click()
        await tab.until(f"WPP.whatsapp.Conn.ref !== '{last}'")
        await world.hand.good("POST", f"/control/phones/{ME}/scan", code=await tab.code())
        await tab.until_mode("MAIN")


async def test_a_ghost_stays_until_its_record_is_sent_again(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        await world.hand.link(tab, ME)
        await world.hand.faults(pendingOnly=True)
        ghost = await tab.new_id(FRIEND)
        await tab.start_send(FRIEND, "boo", ghost)
        await tab.until(f"WPP.whatsapp.MsgStore.get('{ghost}') !== undefined")
        assert await tab.ask("window.sent ?? null") is None
    await world.hand.faults(pendingOnly=False)
    async with world.tab() as tab:
        await tab.open()
        await tab.until_mode("MAIN")
        assert await tab.look_up(FRIEND, ghost) == {"ack": 0, "body": "boo"}
        assert await world.hand.ledger() == []
        again = await tab.ask(
            "async (id) => (await require('WAWebSendMsgRecordAction')"
            ".sendMsgRecord(await WPP.chat.getMessageById(id))).messageSendResult",
            ghost,
        )
        assert again == "OK"
        [entry] = await world.hand.ledger()
        assert ghost.endswith(entry["id"])


async def test_a_logout_leaves_nothing_behind(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        await world.hand.link(tab, ME)
        await tab.ask("() => { WPP.conn.logout(); }")
        await tab.until_mode("QR")
        assert tab.page.url == world.web.url + "/"
        assert await tab.ask("Object.keys(localStorage)") == []
        assert await world.hand.good("GET", "/control/devices") == []


async def test_a_headless_browser_is_refused(world: World) -> None:
    agent = "Mozilla/5.0 AppleWebKit/537.36 HeadlessChrome/150.0.0.0 Safari/537.36"
    async with world.tab(user_agent=agent) as tab:
        await tab.page.goto(world.web.url + "/")
        assert "works with Google Chrome" in await tab.page.content()
        assert await tab.ask("typeof window.require") == "undefined"


async def test_the_number_book(world: World) -> None:
    await world.hand.good("PUT", "/control/numbers/+15559999999", registered=False)
    await world.hand.good("PUT", "/control/numbers/+15557777777", addressing="lid", lid="77")
    query = "(to) => WPP.contact.queryWidExists(to).then((found) => found && String(found.wid))"
    async with world.tab() as tab:
        await tab.open()
        await world.hand.link(tab, ME)
        assert await tab.ask(query, FRIEND) == FRIEND
        assert await tab.ask(query, "15559999999@c.us") is None
        key = await tab.new_id("15557777777@c.us")
        assert key.startswith("true_77@lid_")
        assert (await tab.send("15557777777@c.us", "hidden", message_id=key))["result"] == "OK"
        await until(lambda: _has(world.hand, "+15557777777"))


async def _has(hand: Hand, recipient: str) -> bool:
    return any(entry["to"] == recipient for entry in await hand.ledger())
