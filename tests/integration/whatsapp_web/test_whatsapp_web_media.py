"""Prove downloads and what goes wrong with files; places, cards and polls."""

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

ME = "+972501234567"
FRIEND_NUMBER = "+15551234567"
FRIEND = "15551234567@c.us"
CONTENT = b"\x00\x01 any bytes at all \xff" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DOWNLOAD = """
async (id) => {
  const {mediaData} = await WPP.chat.getMessageById(id);
  const stages = [];
  mediaData.on('change:mediaStage', (data, stage) => stages.push(stage));
  try {
    const blob = await WPP.chat.downloadMedia(id);
    const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
    const hex = (byte) => byte.toString(16).padStart(2, '0');
    return {type: blob.type, sha256: Array.from(new Uint8Array(digest), hex).join(''), stages};
  } catch (error) {
    return {code: error.code, isError: error instanceof Error, stages};
  }
}
"""
SEND_FILE = """
({to, data, options}) => WPP.chat.sendFileMessage(to, data, options).then(
  (sent) => ({id: sent.id, result: sent.sendMsgResult.messageSendResult}),
  (error) => ({error: error.code ?? error.message}))
"""
SEND = """
({name, to, about}) => WPP.chat[name](to, ...about, {waitForAck: true}).then(
  (sent) => ({id: sent.id, ack: sent.ack}))
"""
NOTE_PREPARING = """
() => {
  const module = require('WAWebPrepRawMedia');
  const { prepRawMedia } = module;
  module.prepRawMedia = (...given) => {
    window.preparing = true;
    return prepRawMedia(...given);
  };
}
"""

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def _do(world: World, deed: str, **body: object) -> str:
    done = await world.hand.good("POST", f"/control/phones/{FRIEND_NUMBER}/{deed}", **body)
    return str(done["id"])


async def _inbound(world: World, tab: Tab, **body: object) -> str:
    """Let the friend say something and return the key that it has on the page."""
    key = f"false_{FRIEND}_{await _do(world, 'say', to=ME, **body)}"
    await tab.until(f"WPP.whatsapp.MsgStore.get('{key}')")
    return key


async def _inbound_file(world: World, tab: Tab) -> str:
    media = {"base64": base64.b64encode(CONTENT).decode(), "mimetype": "application/pdf"}
    return await _inbound(world, tab, media=media)


async def _send_file(
    tab: Tab, kind: str, mimetype: str, content: bytes = CONTENT, **more: Any
) -> dict[str, Any]:
    data = f"data:{mimetype};base64,{base64.b64encode(content).decode()}"
    options = {"type": kind, "waitForAck": True, "waveform": False, **more}
    return dict(await tab.ask(SEND_FILE, {"to": FRIEND, "data": data, "options": options}))


@pytest.mark.parametrize(
    ("options", "mimetype", "type_"),
    [
        ({"type": "audio", "isPtt": True}, "audio/ogg", "ptt"),
        ({"type": "sticker"}, "image/webp", "sticker"),
        ({"type": "document", "filename": "a.pdf"}, "application/pdf", "document"),
    ],
)
async def test_a_file_goes_out_as_what_it_is_sent_as(
    world: World, options: dict[str, Any], mimetype: str, type_: str
) -> None:
    async with world.linked(ME) as tab:
        kind, more = options["type"], {k: v for k, v in options.items() if k != "type"}
        assert (await _send_file(tab, kind, mimetype, **more))["result"] == "OK"
        [entry] = await world.hand.ledger()
        assert (entry["type"], entry["sha256"]) == (type_, SHA256)


async def test_a_file_can_be_fetched_also_after_a_restart(world: World) -> None:
    async with world.linked(ME) as tab:
        key = await _inbound_file(world, tab)
        for _ in range(2):
            got = await tab.ask(DOWNLOAD, key)
            assert (got["type"], got["sha256"]) == ("application/pdf", SHA256)
            assert got["stages"] == ["FETCHING", "RESOLVED"]
            await tab.open()
            await tab.until_mode("MAIN")
            await tab.ask("(to) => WPP.chat.find(to).then(() => true)", FRIEND)


async def test_an_expired_file_is_asked_for_again(world: World) -> None:
    async with world.linked(ME) as tab:
        key = await _inbound_file(world, tab)
        await world.hand.faults(number=ME, mediaExpired=True)
        got = await tab.ask(DOWNLOAD, key)
        stages = ["FETCHING", "REUPLOADING", "RESOLVED"]
        assert got == {"type": "application/pdf", "sha256": SHA256, "stages": stages}


async def test_a_file_that_the_phone_has_no_more_is_missing(world: World) -> None:
    async with world.linked(ME) as tab:
        key = await _inbound_file(world, tab)
        await world.hand.faults(number=ME, mediaExpired=True, mediaGone=True)
        got = await tab.ask(DOWNLOAD, key)
        assert (got["code"], got["isError"]) == ("media_not_found", False)
        assert got["stages"] == ["FETCHING", "REUPLOADING", "ERROR_MISSING"]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"uploadFails": True}, {"result": "ERROR_UPLOAD"}),
        ({"uploadLimitBytes": 100}, {"error": "file_too_large"}),
    ],
)
async def test_a_film_that_cannot_be_sent(
    world: World, fault: dict[str, Any], outcome: dict[str, Any]
) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(number=ME, **fault)
        limit = fault.get("uploadLimitBytes", 0)
        await tab.until(f"require('WAWebServerMood').now().uploadLimitBytes === {limit}")
        sent = await _send_file(tab, "video", "video/mp4")
        assert {name: sent.get(name) for name in outcome} == outcome
        assert await world.hand.ledger() == []
        await world.hand.faults(number=ME, **dict.fromkeys(fault))
        assert (await _send_file(tab, "video", "video/mp4"))["result"] == "OK"


async def test_a_film_without_its_codec_goes_only_where_its_size_can_be_read(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(number=ME, videoCodecMissing=True)
        await tab.until("require('WAWebServerMood').now().videoCodecMissing")
        refused = await _send_file(tab, "video", "video/mp4", b"tiny")
        assert refused == {"error": "MEDIA_ERR_SRC_NOT_SUPPORTED"}
        assert (await _send_file(tab, "video", "video/mp4"))["result"] == "OK"


async def test_the_preparation_of_a_file_may_hang(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(number=ME, mediaPrepHang=True)
        await tab.until("require('WAWebServerMood').now().mediaPrepHang")
        await tab.ask(NOTE_PREPARING)
        hanging = asyncio.create_task(_send_file(tab, "image", "image/png"))
        await tab.until("window.preparing")
        await world.hand.faults(number=ME, mediaPrepHang=None)
        await tab.until("!require('WAWebServerMood').now().mediaPrepHang")
        assert (await _send_file(tab, "image", "image/png"))["result"] == "OK"
        assert not hanging.done()
        assert len(await world.hand.ledger()) == 1
        hanging.cancel()


async def test_a_place_and_a_card_are_sent_and_come_in(world: World) -> None:
    async with world.linked(ME) as tab:
        place = {"lat": 32.08, "lng": 34.78, "name": "Tel Aviv"}
        card = {"id": FRIEND, "name": "A friend"}
        for name, about in (("sendLocationMessage", place), ("sendVCardContactMessage", card)):
            request = {"name": name, "to": FRIEND, "about": [about]}
            if name == "sendLocationMessage":
                request["about"] = [{**place, "waitForAck": True}]
            assert (await tab.ask(SEND, request))["ack"] >= 1
        entries = await world.hand.ledger()
        assert [entry["type"] for entry in entries] == ["location", "vcard"]
        assert "FN:A friend" in entries[1]["text"]
        key = await _inbound(world, tab, location=place)
        seen = f"(() => {{ const {{type, lat, lng, loc}} = WPP.whatsapp.MsgStore.get('{key}');"
        seen += " return {type, lat, lng, name: loc}; })()"
        assert await tab.ask(seen) == {"type": "location", **place}
        key = await _inbound(world, tab, contact={"name": "Bo", "number": "+15550001111"})
        named = f"WPP.whatsapp.MsgStore.get('{key}').vcardFormattedName"
        assert await tab.ask(named) == "Bo"


async def test_a_poll_of_the_page_never_arrives(world: World) -> None:
    async with world.linked(ME) as tab:
        poll = (
            "(to) => WPP.chat.sendCreatePollMessage(to, 'Tea?', ['yes', 'no'], {waitForAck: false})"
        )
        key = (await tab.ask(poll, FRIEND))["id"]
        await tab.send(FRIEND, "after it")
        assert (await tab.look_up(FRIEND, key))["ack"] == 0
        assert [entry["type"] for entry in await world.hand.ledger()] == ["chat"]


async def test_a_vote_comes_in(world: World) -> None:
    await world.hand.faults(pollsArrive=True, holdAcks=True)
    async with world.linked(ME) as tab:
        await tab.ask(
            "() => { window.votes = []; WPP.on('chat.poll_response', (vote) => window.votes.push({"
            " of: String(vote.msgId), sender: String(vote.sender),"
            " chosen: vote.selectedOptions.filter(Boolean).map((one) => one.name)})); }"
        )
        request = {"name": "sendCreatePollMessage", "to": FRIEND, "about": ["Tea?", ["yes", "no"]]}
        sent = await tab.ask(SEND, request)
        assert sent["ack"] == 1
        for count, options in enumerate((["no"], ["yes", "no"], []), start=1):
            await _do(world, "vote", id=sent["id"], options=options)
            await tab.until(f"window.votes.length === {count}")
            told = await tab.ask("window.votes.at(-1)")
            assert told == {"of": sent["id"], "sender": FRIEND, "chosen": options}
        [entry] = await world.hand.ledger()
        assert (entry["type"], entry["text"]) == ("poll_creation", "Tea?")
        assert entry["votes"] == [{"from": FRIEND_NUMBER, "options": []}]
        path = f"/control/phones/{FRIEND_NUMBER}/vote"
        wrong = await world.hand.call("POST", path, id=sent["id"], options=["maybe"])
        assert (wrong[0], "not an option" in wrong[1]["error"]) == (400, True)
