"""Prove the ways to be linked, and the ways to lose the link."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import World, small_world
from tests.waiting import until

ME = "+972501234567"
FRIEND = "15551234567@c.us"
TYPED = "WPP.conn.startLinkDeviceCodeForPhoneNumber('972501234567', false)"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def test_a_typed_code_links(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        code = await tab.ask(TYPED)
        assert len(code) == 8
        assert await tab.heard("conn.link_code_change") == [code]
        path = f"/control/phones/{ME}/pair"
        assert (await world.hand.call("POST", path, code="ABCD1234"))[0] == 409
        other = "/control/phones/+15551234567/pair"
        assert (await world.hand.call("POST", other, code=code))[0] == 409
        await world.hand.good("POST", path, code=f"{code[:4]}-{code[4:]}")
        await tab.until_mode("MAIN")


async def test_a_typed_code_ages_and_is_renewed(world: World) -> None:
    await world.hand.faults(pairingCodeMs=300)
    async with world.tab() as tab:
        await tab.open()
        first = await tab.ask(TYPED)
        await tab.until("window.heard.filter((e) => e.name === 'conn.link_code_change').length > 1")
        path = f"/control/phones/{ME}/pair"
        assert (await world.hand.call("POST", path, code=first))[0] == 409
        await tab.until("window.heard.some((event) => event.name === 'conn.link_code_expired')")
        assert len(await tab.heard("conn.link_code_change")) == 6


async def test_a_code_with_another_secret_links_nothing(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        parts = (await tab.code()).split(",")
        forged = ",".join([*parts[:3], base64.b64encode(b"x" * 32).decode()])
        await world.hand.good("POST", f"/control/phones/{ME}/scan", code=forged)
        await until(lambda: _no_device(world))
        assert (await tab.state())["authenticated"] is False
        await tab.until(f"WPP.whatsapp.Conn.ref !== '{parts[0]}'")
        await world.hand.link(tab, ME)


async def test_a_code_for_one_who_is_linked_is_refused(world: World) -> None:
    async with world.linked(ME) as tab:
        refused = await tab.ask(f"{TYPED}.catch((error) => error.code)")
        assert refused == "cannot_get_code_for_already_authenticated"


async def test_the_phone_unlinks_while_a_send_is_pending(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.new_id(FRIEND)
        await world.hand.faults(pendingOnly=True)
        await tab.start_send(FRIEND, "never")
        await tab.until("WPP.whatsapp.MsgStore.findFirst((msg) => msg.body === 'never')")
        await world.hand.good("POST", f"/control/phones/{ME}/unlink")
        await tab.until_mode("QR")


async def test_a_logout_while_it_synchronises_unlinks_too(world: World) -> None:
    await world.hand.faults(syncMs=60_000)
    async with world.tab() as tab:
        await tab.open()
        await world.hand.good("POST", "/control/phones", number=ME)
        await world.hand.good("POST", f"/control/phones/{ME}/scan", code=await tab.code())
        await tab.until("WPP.conn.getStreamData().info === 'SYNCING'")
        assert len(await world.hand.good("GET", "/control/devices")) == 1
        await tab.ask("() => { WPP.conn.logout(); }")
        await tab.until_mode("QR")
        assert await world.hand.good("GET", "/control/devices") == []


async def test_a_passkey_is_asked_for(world: World) -> None:
    await world.hand.faults(passkey=True)
    async with world.tab() as tab:
        await tab.open()
        await world.hand.good("POST", f"/control/phones/{ME}/scan", code=await tab.code())
        prompt = tab.page.get_by_test_id("shortcake_passkey_screen")
        await prompt.wait_for()
        assert (await tab.state())["authenticated"] is False
        await world.hand.faults(passkey=False)
        await tab.until_mode("MAIN")
        await prompt.wait_for(state="hidden")


async def test_the_page_that_was_loaded_last_has_the_login(world: World) -> None:
    async with world.linked(ME) as first:
        second = await first.page.context.new_page()
        await second.goto(world.web.url + "/")
        await first.until("WPP.whatsapp.Socket.stream === 'DISCONNECTED'")
        await first.page.reload()
        await first.until("window.WPP?.whatsapp?.Socket?.stream === 'CONNECTED'")
        assert (await first.send(FRIEND, "mine again"))["result"] == "OK"


async def test_the_service_remembers_its_devices(world: World, tmp_path: Path) -> None:
    async with world.linked(ME):
        pass
    [device] = await world.hand.good("GET", "/control/devices")
    assert device == {
        "device": "972501234567:1@c.us",
        "number": ME,
        "name": "Chrome (Linux)",
        "online": False,
    }
    assert (tmp_path / "service/whatsapp-web.sqlite").exists()


async def _no_device(world: World) -> bool:
    return bool(await world.hand.good("GET", "/control/devices") == [])
