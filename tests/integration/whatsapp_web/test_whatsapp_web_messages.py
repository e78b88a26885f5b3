"""Prove media, groups, replies and what comes in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import Tab, World, small_world
from tests.waiting import until

ME = "+972501234567"
FRIEND_NUMBER = "+15551234567"
FRIEND = "15551234567@c.us"
SEND_FILE = """
async ({to, data, options}) => {
  const sent = await WPP.chat.sendFileMessage(to, data, options);
  return {id: sent.id, ack: sent.ack, result: sent.sendMsgResult.messageSendResult};
}
"""
NO_UPLOADS = """
() => {
  const { fetch } = window;
  window.fetch = (what, ...more) => {
    if (String(what).startsWith('/mms/')) return Promise.reject(new TypeError('Failed to fetch'));
    return fetch(what, ...more);
  };
}
"""
"""Playwright cannot: what a page asks for goes through its service worker."""
DEAF = """
() => {
  window.told = 0;
  const { transport } = require('WAWebTransport');
  transport.on('push:message push:receipt', () => { window.told += 1; });
  const never = () => new Promise(() => {});
  require('WAWebHandleSingleMsg').handleSingleMsg = never;
  require('WAWebHandleChatSimpleReceipt').handleChatSimpleReceipt = never;
}
"""
FIRST_INBOUND = """
(() => { const [msg] = WPP.whatsapp.MsgStore.filter((msg) => !msg.id.fromMe);
  return msg && {id: String(msg.id), body: msg.body, from: String(msg.from), type: msg.type}; })()
"""


pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


@pytest.mark.parametrize(
    ("kind", "mimetype", "name"),
    [
        ("image", "image/png", "picture.png"),
        ("document", "application/pdf", "paper.pdf"),
        ("audio", "audio/ogg", "voice.ogg"),
        ("auto-detect", "video/mp4", "film.mp4"),
    ],
)
async def test_a_file_is_sent_with_its_hash(
    world: World, kind: str, mimetype: str, name: str
) -> None:
    content = b"%PDF-1.4 not really " * 50
    data = f"data:{mimetype};base64,{base64.b64encode(content).decode()}"
    options = {
        "type": kind,
        "filename": name,
        "mimetype": mimetype,
        "caption": "look",
        "waitForAck": True,
        "markIsRead": False,
        "detectMentioned": False,
        "waveform": False,
    }
    await world.hand.faults(holdAcks=True)
    async with world.linked(ME) as tab:
        options["messageId"] = await tab.new_id(FRIEND)
        sent = await tab.ask(SEND_FILE, {"to": FRIEND, "data": data, "options": options})
        assert sent == {"id": options["messageId"], "ack": 1, "result": "OK"}
        [entry] = await world.hand.ledger()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["caption"] == "look"


async def test_a_file_that_cannot_be_uploaded_stays_unsent(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask(NO_UPLOADS)
        chosen = await tab.new_id(FRIEND)
        options = {"type": "document", "messageId": chosen, "markIsRead": False}
        data = "data:text/plain;base64,aGVsbG8="
        sent = await tab.ask(SEND_FILE, {"to": FRIEND, "data": data, "options": options})
        assert sent == {"id": chosen, "ack": -1, "result": "ERROR_UPLOAD"}
        assert await world.hand.ledger() == []


async def test_what_comes_in_is_told(world: World) -> None:
    async with world.linked(ME) as tab:
        said = await world.hand.good(
            "POST", f"/control/phones/{FRIEND_NUMBER}/say", to=ME, text="hi there"
        )
        await tab.until("window.heard.some((event) => event.name === 'chat.new_message')")
        [message] = await tab.heard("chat.new_message")
        assert message == {"id": f"false_{FRIEND}_{said['id']}", "body": "hi there"}
        assert await tab.ask(f"WPP.chat.get('{FRIEND}').unreadCount") == 1
        await tab.ask(f"WPP.chat.markIsRead('{FRIEND}').then(() => true)")
        assert await tab.ask(f"WPP.chat.get('{FRIEND}').unreadCount") == 0


async def test_what_came_in_while_away_comes_at_the_next_start(world: World) -> None:
    async with world.linked(ME):
        pass
    for text in ("one", "two"):
        await world.hand.good("POST", f"/control/phones/{FRIEND_NUMBER}/say", to=ME, text=text)
    async with world.tab() as tab:
        await tab.open()
        await tab.until_mode("MAIN")
        inbound = "WPP.whatsapp.MsgStore.filter((msg) => !msg.id.fromMe).map((msg) => msg.body)"
        await tab.until(f"({inbound}).length === 2")
        assert await tab.ask(inbound) == ["one", "two"]


async def test_what_a_page_never_handled_comes_to_the_next(world: World) -> None:
    async with world.linked(ME) as tab:
        sent = await _told_in_vain(world, tab)
    async with world.tab() as tab:
        await tab.open()
        await _has_both(tab, sent)


async def test_what_a_page_never_handled_comes_to_the_one_that_takes_over(world: World) -> None:
    async with world.linked(ME) as deaf:
        sent = await _told_in_vain(world, deaf)
        tab = Tab(await deaf.page.context.new_page(), deaf.url, [])
        await tab.open()
        await _has_both(tab, sent)


async def _told_in_vain(world: World, tab: Tab) -> str:
    """Send, and make a receipt and a message come to a page that never gets around to them."""
    await world.hand.faults(holdAcks=True)
    sent = await tab.send(FRIEND, "hello")
    await tab.ask(DEAF)
    await world.hand.faults(holdAcks=False, readDelayMs=0)
    await world.hand.good("POST", f"/control/phones/{FRIEND_NUMBER}/say", to=ME, text="hi")
    await tab.until("window.told === 3")
    return str(sent["id"])


async def _has_both(tab: Tab, sent: str) -> None:
    """Wait for the message that came in and for the last receipt; each is there once."""
    await tab.until_mode("MAIN")
    inbound = "WPP.whatsapp.MsgStore.filter((msg) => !msg.id.fromMe).map((msg) => msg.body)"
    await tab.until(f"({inbound}).length > 0")
    await tab.ask("(to) => WPP.chat.find(to).then(() => true)", FRIEND)
    await tab.until(f"WPP.chat.getMessageById('{sent}').then((msg) => msg.ack === 3)")
    assert await tab.ask(inbound) == ["hi"]


async def test_a_reply_carries_what_it_answers(world: World) -> None:
    async with world.linked(ME) as tab:
        said = await world.hand.good(
            "POST", f"/control/phones/{FRIEND_NUMBER}/say", to=ME, text="question?"
        )
        await tab.until(FIRST_INBOUND)
        inbound: dict[str, Any] = await tab.ask(FIRST_INBOUND)
        sent = await tab.send(FRIEND, "answer!", quotedMsg=inbound["id"])
        assert sent["result"] == "OK"
        entries = await world.hand.ledger()
        assert entries[-1]["text"] == "answer!"
        assert entries[-1]["quoted"] == said["id"]


async def test_a_group(world: World) -> None:
    async with world.linked(ME) as tab, world.linked(FRIEND_NUMBER, "friend") as friend:
        room = await world.hand.good(
            "POST", "/control/groups", subject="Team", members=[ME, FRIEND_NUMBER, "+15550001111"]
        )
        await tab.until(f"WPP.chat.get('{room['id']}') !== undefined")
        chosen = await tab.new_id(room["id"])
        assert chosen.endswith("@lid")
        sent = await tab.send(room["id"], "all together", message_id=chosen)
        assert (sent["result"], sent["id"]) == ("OK", chosen)
        await tab.until(f"WPP.whatsapp.MsgStore.get('{chosen}').ack === 3")
        acks = await tab.heard("chat.msg_ack_change")
        assert {ack["ack"] for ack in acks} == {1, 2, 3}
        await friend.until(FIRST_INBOUND)
        inbound = await friend.ask(FIRST_INBOUND)
        assert (inbound["body"], inbound["from"]) == ("all together", room["id"])
        [entry] = await world.hand.ledger()
        assert entry["to"] == room["id"]
        assert (await tab.look_up(room["id"], chosen))["ack"] == 3


async def test_two_linked_accounts_talk(world: World) -> None:
    async with world.linked(ME) as tab, world.linked(FRIEND_NUMBER, "friend") as friend:
        await tab.send(FRIEND, "ping")
        await friend.until(FIRST_INBOUND)
        await friend.send("972501234567@c.us", "pong")
        await tab.until(FIRST_INBOUND)
        assert (await tab.ask(FIRST_INBOUND))["body"] == "pong"


async def test_a_chat_can_be_read_back_and_each_receipt_has_its_time(world: World) -> None:
    async with world.linked(ME) as tab:
        sent = [await tab.send(FRIEND, text) for text in ("one", "two", "three")]
        last = sent[-1]["id"]
        await tab.until(f"WPP.chat.getMessageById('{last}').then((msg) => msg.ack === 3)")
        read = "(to) => WPP.chat.getMessages(to, {count: -1}).then((all) => all.map((m) => m.body))"
        assert await tab.ask(read, FRIEND) == ["one", "two", "three"]
        seen = "(id) => WPP.chat.getMessageACK(id).then(({participants: [one]}) => one)"
        await tab.until(f"WPP.chat.getMessageACK('{last}').then((a) => a.participants[0]?.readAt)")
        receipt = await tab.ask(seen, last)
        assert receipt["id"] == FRIEND
        assert receipt["deliveredAt"] <= receipt["readAt"]


async def test_receipts_may_come_from_the_hidden_id(world: World) -> None:
    await world.hand.good(
        "PUT", f"/control/numbers/{FRIEND_NUMBER}", lid="88", receiptsFromLid=True
    )
    async with world.linked(ME) as tab:
        sent = await tab.send(FRIEND, "who are you")
        await tab.until(f"WPP.whatsapp.MsgStore.get('{sent['id']}').ack === 3")
        acks = await tab.heard("chat.msg_ack_change")
        bare = sent["id"].rsplit("_", 1)[1]
        assert [ack["ids"] for ack in acks] == [[sent["id"]]] + [[f"true_88@lid_{bare}"]] * 2


async def test_the_reset_lets_nothing_through_that_was_held_back(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.new_id(FRIEND)
        await world.hand.faults(number=ME, holdAcks=True, pendingOnly=True)
        await tab.start_send(FRIEND, "held back")
        await until(lambda: _held(world, "whatsapp-web-send"))
        await world.hand.good("POST", "/control/reset")
        assert not _held(world, "whatsapp-web-send")
        await tab.until_mode("QR")
        assert await world.hand.ledger() == []


def _held(world: World, name: str) -> bool:
    """Tell whether the service, which runs in this loop, is at work on this."""
    return any(task.get_name() == name for task in asyncio.all_tasks())


async def test_the_reset_forgets_everything(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.send(FRIEND, "forget me")
        await world.hand.good("POST", "/control/reset")
        await tab.until_mode("QR")
    assert await world.hand.ledger() == []
    await until(lambda: _no_device(world))


async def _no_device(world: World) -> bool:
    return bool(await world.hand.good("GET", "/control/devices") == [])
