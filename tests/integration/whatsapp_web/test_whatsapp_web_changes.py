"""Prove reactions, edits and revocations, by the phone and from the page."""

from __future__ import annotations

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
LISTEN = """
() => {
  window.changes = [];
  const note = (kind, told) => window.changes.push({kind, ...told});
  WPP.on('chat.new_reaction', (told) => note('reaction', {
    of: String(told.msgId), text: told.reactionText, sender: String(told.sender)}));
  WPP.on('chat.msg_edited', (told) => note('edit', {of: told.id, text: told.msg.body}));
  WPP.on('chat.msg_revoke', (told) => note('revoke', {of: String(told.refId), as: told.id.id}));
}
"""
REACTIONS = """
(id) => WPP.chat.getReactions(id).then(({reactions, reactionByMe}) => ({
  mine: reactionByMe?.reactionText ?? null,
  all: reactions.map((one) => [one.aggregateEmoji, one.senders.map((each) => String(each.sender))]),
}))
"""
EDIT = """
({id, text}) => WPP.chat.editMessage(id, text).then(
  (edited) => ({id: edited.id}), (error) => ({error: error.code}))
"""
REVOKE = (
    "({chat, id}) => WPP.chat.deleteMessage(chat, id, false, true).then((all) => all.isRevoked)"
)
REVOKED = """
(chat) => WPP.chat.getMessages(chat, {count: -1}).then((all) => all.map(
  (msg) => ({id: String(msg.id), type: msg.type, body: msg.body ?? null,
             was: msg.protocolMessageKey ? String(msg.protocolMessageKey) : null})))
"""

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def _do(world: World, deed: str, **body: object) -> str:
    done = await world.hand.good("POST", f"/control/phones/{FRIEND_NUMBER}/{deed}", **body)
    return str(done["id"])


async def _inbound(world: World, tab: Tab, text: str) -> str:
    """Let the friend say something and return the key that it has on the page."""
    said = await _do(world, "say", to=ME, text=text)
    key = f"false_{FRIEND}_{said}"
    await tab.until(f"WPP.whatsapp.MsgStore.get('{key}')")
    return key


async def _changes(tab: Tab, count: int) -> list[dict[str, Any]]:
    await tab.until(f"window.changes.length >= {count}")
    return list(await tab.ask("window.changes"))


async def _entry(world: World) -> dict[str, Any]:
    [entry] = await world.hand.ledger()
    return entry


async def test_a_reaction_comes_in_changes_and_is_taken_back(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        sent = await tab.send(FRIEND, "hello")
        for count, sign in enumerate(("👍", "❤️", ""), start=1):
            await _do(world, "react", id=sent["id"], emoji=sign)
            told = (await _changes(tab, count))[-1]
            assert told == {"kind": "reaction", "of": sent["id"], "text": sign, "sender": FRIEND}
            seen = await tab.ask(REACTIONS, sent["id"])
            assert seen["all"] == ([[sign, [FRIEND]]] if sign else [])
            marks = [{"from": FRIEND_NUMBER, "emoji": sign}] if sign else []
            assert (await _entry(world))["reactions"] == marks
        assert [msg["id"] for msg in await tab.ask(REVOKED, FRIEND)] == [sent["id"]]


async def test_the_page_reacts_and_takes_it_back(world: World) -> None:
    async with world.linked(ME) as tab:
        key = await _inbound(world, tab, "hi")
        react = "({id, sign}) => WPP.chat.sendReactionToMessage(id, sign)"
        await tab.ask(react, {"id": key, "sign": "🎉"})
        assert (await _entry(world))["reactions"] == [{"from": ME, "emoji": "🎉"}]
        assert (await tab.ask(REACTIONS, key))["mine"] == "🎉"
        await tab.open()
        await tab.until_mode("MAIN")
        await tab.ask(react, {"id": key, "sign": ""})
        assert (await _entry(world))["reactions"] == []
        assert await tab.ask(REACTIONS, key) == {"mine": None, "all": []}


async def test_an_edit_comes_in(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        key = await _inbound(world, tab, "frist")
        await _do(world, "edit", id=key, text="first")
        assert await _changes(tab, 1) == [{"kind": "edit", "of": key, "text": "first"}]
        assert (await tab.look_up(FRIEND, key))["body"] == "first"
        entry = await _entry(world)
        assert (entry["text"], entry["edited"]) == ("frist", "first")


async def test_the_page_edits_within_twenty_minutes(world: World) -> None:
    async with (
        world.linked(ME) as tab,
        world.linked(FRIEND_NUMBER, "friend") as friend,
    ):
        sent = await tab.send(FRIEND, "frist")
        assert await tab.ask(EDIT, {"id": sent["id"], "text": "first"}) == {"id": sent["id"]}
        await friend.until("WPP.whatsapp.MsgStore.last()?.body === 'first'")
        assert (await _entry(world))["edited"] == "first"
        assert (await tab.look_up(FRIEND, sent["id"]))["body"] == "first"
        await tab.ask(f"WPP.whatsapp.MsgStore.get('{sent['id']}').t -= 1200")
        late = await tab.ask(EDIT, {"id": sent["id"], "text": "too late"})
        assert late == {"error": "edit_message_error"}
        assert (await _entry(world))["edited"] == "first"


async def test_what_the_phone_revokes_is_gone_and_has_another_key(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        key = await _inbound(world, tab, "oops")
        deed = await _do(world, "revoke", id=key)
        assert await _changes(tab, 1) == [{"kind": "revoke", "of": key, "as": deed}]
        new_key = f"false_{FRIEND}_{deed}"
        left = {"id": new_key, "type": "revoked", "body": None, "was": key}
        await tab.until(f"WPP.whatsapp.MsgStore.get('{new_key}')")
        for _ in range(2):
            await until(lambda: _holds(tab, [left]))
            await tab.open()
            await tab.until_mode("MAIN")
        assert (await tab.look_up(FRIEND, key)) == {"error": "msg_not_found"}
        assert (await _entry(world))["revoked"] is True


async def _holds(tab: Tab, messages: list[dict[str, Any]]) -> bool:
    return bool(await tab.ask(REVOKED, FRIEND) == messages)


async def test_the_page_revokes_its_own(world: World) -> None:
    async with (
        world.linked(ME) as tab,
        world.linked(FRIEND_NUMBER, "friend") as friend,
    ):
        sent = await tab.send(FRIEND, "oops")
        await friend.until("WPP.whatsapp.MsgStore.last()?.body === 'oops'")
        assert await tab.ask(REVOKE, {"chat": FRIEND, "id": sent["id"]}) is True
        await friend.until("WPP.whatsapp.MsgStore.last()?.type === 'revoked'")
        await tab.until(f"WPP.whatsapp.MsgStore.get('{sent['id']}') === undefined")
        assert (await _entry(world))["revoked"] is True


async def test_what_was_changed_while_the_page_was_away_is_changed_at_its_start(
    world: World,
) -> None:
    async with world.linked(ME) as tab:
        edited = await _inbound(world, tab, "frist")
        revoked = await _inbound(world, tab, "oops")
        sent = await tab.send(FRIEND, "hello")
        await tab.page.goto("about:blank")
        await _do(world, "edit", id=edited, text="first")
        await _do(world, "react", id=sent["id"], emoji="👍")
        deed = await _do(world, "revoke", id=revoked)
        await tab.open()
        await tab.until_mode("MAIN")
        assert [(msg["id"], msg["body"]) for msg in await tab.ask(REVOKED, FRIEND)] == [
            (edited, "first"),
            (f"false_{FRIEND}_{deed}", None),
            (sent["id"], "hello"),
        ]
        assert (await tab.ask(REACTIONS, sent["id"]))["all"] == [["👍", [FRIEND]]]


async def test_in_a_group_the_target_is_under_the_hidden_id(world: World) -> None:
    third = "+15550001111"
    members = [ME, FRIEND_NUMBER, third]
    room = await world.hand.good("POST", "/control/groups", subject="Team", members=members)
    lid = (await world.hand.good("PUT", f"/control/numbers/{third}"))["lid"]
    async with world.linked(ME) as tab:
        await tab.ask(LISTEN)
        said = await world.hand.good(
            "POST", f"/control/phones/{third}/say", text="hi all", **{"from": room["id"]}
        )
        await _do(world, "react", id=said["id"], emoji="👋")
        [told] = await _changes(tab, 1)
        assert told["of"] == f"false_{room['id']}_{said['id']}_{lid}"
        assert told["sender"].endswith("@lid")
        assert told["sender"] != lid


async def test_a_phone_changes_only_what_it_may(world: World) -> None:
    async with world.linked(ME) as tab:
        sent = await tab.send(FRIEND, "mine")
        path = f"/control/phones/{FRIEND_NUMBER}"
        refused = [
            await world.hand.call("POST", f"{path}/edit", id=sent["id"], text="ours"),
            await world.hand.call("POST", f"{path}/revoke", id=sent["id"]),
            await world.hand.call("POST", f"{path}/react", id="3A00", emoji="👍"),
            await world.hand.call("POST", f"{path}/react", id=sent["id"]),
        ]
        assert [status for status, _ in refused] == [403, 403, 404, 400]
        entry = await _entry(world)
        assert (entry["edited"], entry["revoked"], entry["reactions"]) == (None, False, [])
