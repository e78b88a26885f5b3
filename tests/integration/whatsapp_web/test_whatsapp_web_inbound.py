"""Prove how messages come in: with files, as replies, in groups, without content, while away."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import Tab, World, small_world

ME = "+972501234567"
FRIEND_NUMBER = "+15551234567"
FRIEND = "15551234567@c.us"
CONTENT = b"\x89PNG not really " * 20
LISTEN = """
() => {
  window.news = [];
  WPP.on('chat.new_message', (msg) => window.news.push({
    id: String(msg.id), type: msg.type, body: msg.body, from: String(msg.from),
    author: msg.author && String(msg.author), caption: msg.caption, mimetype: msg.mimetype,
    quoted: msg.quotedStanzaID, media: Boolean(msg.mediaData), filehash: msg.filehash,
  }));
}
"""
IN_MEMORY = "WPP.whatsapp.MsgStore.filter((msg) => !msg.id.fromMe).map((msg) => msg.body)"

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def _say(world: World, speaker: str = FRIEND_NUMBER, **body: object) -> str:
    said = await world.hand.good("POST", f"/control/phones/{speaker}/say", **body)
    return str(said["id"])


async def _news(tab: Tab, count: int) -> list[dict[str, Any]]:
    await tab.until(f"window.news.length >= {count}")
    return list(await tab.ask("window.news"))


@pytest.mark.parametrize(
    ("sent_as", "mimetype", "type_"),
    [
        (None, "image/png", "image"),
        ("voice", "audio/ogg; codecs=opus", "ptt"),
        ("sticker", "image/webp", "sticker"),
        ("document", "image/png", "document"),
        (None, "application/pdf", "document"),
    ],
)
async def test_a_file_comes_in_as_what_the_phone_made_of_it(
    world: World, sent_as: str | None, mimetype: str, type_: str
) -> None:
    media = {
        "base64": base64.b64encode(CONTENT).decode(),
        "mimetype": mimetype,
        "filename": "a.bin",
    }
    wish = {} if sent_as is None else {"as": sent_as}
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        await _say(world, to=ME, text="look", media=media, **wish)
        [message] = await _news(tab, 1)
        assert (message["type"], message["mimetype"]) == (type_, mimetype)
        assert (message["caption"], message["media"]) == ("look", True)
        digest = hashlib.sha256(CONTENT)
        assert message["filehash"] == base64.b64encode(digest.digest()).decode()
        [entry] = await world.hand.ledger()
        assert (entry["type"], entry["mimetype"]) == (type_, mimetype)
        assert (entry["sha256"], entry["caption"]) == (digest.hexdigest(), "look")


async def test_wrong_words_of_a_phone_are_refused(world: World) -> None:
    path = f"/control/phones/{FRIEND_NUMBER}/say"
    good = {"base64": "", "mimetype": "image/png"}
    for body, complaint in (
        ({"to": ME, "media": good, "as": "film"}, "as must be one of"),
        ({"to": ME, "text": "x", "as": "voice"}, "as needs media"),
        ({"to": ME, "media": {**good, "base64": "%"}}, "not Base64"),
        ({"from": "120363000000000000@g.us", "text": "x"}, "no such group"),
    ):
        status, answer = await world.hand.call("POST", path, **body)
        assert (status, complaint in answer["error"]) == (400, True), answer


async def test_a_reply_names_what_it_answers(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        sent = await tab.send(FRIEND, "question?")
        await _say(world, to=ME, text="answer", replyTo=sent["id"])
        [reply] = [message for message in await _news(tab, 2) if message["body"] == "answer"]
        assert reply["quoted"] == sent["id"].rsplit("_", 1)[1]
        quoted = "(id) => WPP.chat.getQuotedMsg(id).then((msg) => String(msg.id))"
        assert await tab.ask(quoted, reply["id"]) == sent["id"]
        assert (await world.hand.ledger())[-1]["replyTo"] == reply["quoted"]


async def test_a_member_speaks_in_a_group_under_the_hidden_id(world: World) -> None:
    room = await world.hand.good(
        "POST", "/control/groups", subject="Team", members=[ME, FRIEND_NUMBER]
    )
    lid = (await world.hand.good("PUT", f"/control/numbers/{FRIEND_NUMBER}"))["lid"]
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        message_id = await _say(world, text="all together", **{"from": room["id"]})
        [message] = await _news(tab, 1)
        assert (message["from"], message["author"]) == (room["id"], lid)
        assert message["id"] == f"false_{room['id']}_{message_id}_{lid}"
        status, answer = await world.hand.call(
            "POST", "/control/phones/+15550009999/say", text="x", **{"from": room["id"]}
        )
        assert (status, "is not in" in answer["error"]) == (400, True)


async def test_a_message_may_come_without_its_content_first(world: World) -> None:
    await world.hand.faults(number=ME, ciphertextMs=300)
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        await _say(world, to=ME, text="late")
        empty, whole = await _news(tab, 2)
        assert (empty["type"], empty["body"]) == ("ciphertext", None)
        assert (whole["type"], whole["body"]) == ("chat", "late")
        assert whole["id"] == empty["id"]
        assert await tab.ask(f"WPP.chat.get('{FRIEND}').unreadCount") == 1
        assert (await tab.look_up(FRIEND, whole["id"]))["body"] == "late"
        await tab.open()
        await tab.until_mode("MAIN")
        assert (await tab.look_up(FRIEND, whole["id"]))["body"] == "late"


async def test_what_came_before_the_page_was_ready_is_in_the_table_but_no_news(
    world: World,
) -> None:
    async with world.linked(ME) as tab:
        await tab.page.goto("about:blank")
        for number in range(30):
            await _say(world, to=ME, text=f"missed {number}")
        await tab.open()
        await tab.until_mode("MAIN")
        assert await tab.heard("chat.new_message") == []
        chat = f"WPP.chat.get('{FRIEND}')"
        assert await tab.ask(f"{chat}.unreadCount") == 30
        in_memory = await tab.ask(IN_MEMORY)
        assert in_memory == [f"missed {number}" for number in range(20, 30)]
        read = "(to) => WPP.chat.getMessages(to, {count: -1}).then((all) => all.map((m) => m.body))"
        assert await tab.ask(read, FRIEND) == [f"missed {number}" for number in range(30)]
        await tab.ask(LISTEN)
        await _say(world, to=ME, text="now")
        assert [message["body"] for message in await _news(tab, 1)] == ["now"]


async def test_what_came_while_a_living_page_had_no_line_is_news(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        await world.hand.faults(number=ME, dropNetwork=True)
        await tab.until("WPP.whatsapp.Socket.stream === 'DISCONNECTED'")
        await _say(world, to=ME, text="meanwhile")
        await world.hand.faults(number=ME, dropNetwork=None)
        assert [message["body"] for message in await _news(tab, 1)] == ["meanwhile"]
