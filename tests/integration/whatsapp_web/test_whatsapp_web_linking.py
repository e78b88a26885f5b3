"""Prove the ways to be linked, and the ways to lose the link."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import Tab, World, small_world
from tests.waiting import until
from tests.whatsapp_web.linking import QR_URL

ME = "+972501234567"
FRIEND = "15551234567@c.us"
TYPED = "WPP.conn.startLinkDeviceCodeForPhoneNumber('972501234567', false)"
ANOTHER = "WPP.conn.genLinkDeviceCodeForPhoneNumber('972501234567', false)"
PAIRING_TYPE = "require('WAWebAltDeviceLinkingApi').getPairingType()"
REFRESH = "require('WAWebBackendEventBus').BackendEventBus.triggerRefreshQR()"


pytestmark = pytest.mark.slow


@pytest.fixture
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
    await world.hand.faults(passkey=True, qrFirstMs=3000, qrNextMs=500)
    async with world.tab() as tab:
        await tab.open()
        code = await tab.code()
        ref, secret = code.split(",")[0], code.split(",")[3]
        await world.hand.good("POST", f"/control/phones/{ME}/scan", code=code)
        prompt = tab.page.get_by_test_id("shortcake_passkey_screen")
        await prompt.wait_for()
        assert await tab.ask(PAIRING_TYPE) == "SHORTCAKE_PASSKEY"
        await tab.until(f"WPP.whatsapp.Conn.ref !== '{ref}'")  # refs go on, and wa-js tells codes
        assert (await tab.code()).split(",")[3] != secret
        assert (await tab.state())["authenticated"] is False
        await world.hand.faults(passkey=False)
        await tab.until_mode("MAIN")
        await prompt.wait_for(state="hidden")


async def test_a_passkey_that_is_called_off_leads_back_to_codes(world: World) -> None:
    await world.hand.faults(passkey=True)
    async with world.tab() as tab:
        await tab.open()
        code = await tab.code()
        await world.hand.good("POST", f"/control/phones/{ME}/scan", code=code)
        await tab.page.get_by_test_id("shortcake_cancel_button").click()
        await tab.until(f"WPP.whatsapp.Conn.ref !== '{code.split(',')[0]}'")
        assert await tab.ask(PAIRING_TYPE) == "QR_CODE"
        await world.hand.faults(passkey=False)
        await world.hand.link(tab, ME)


async def test_the_qr_code_is_drawn_as_an_address_where_the_gates_are_on(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        drawn = await _drawn(tab)
        assert drawn == f"{QR_URL}{await tab.code()},1"
        await world.hand.faults(qrUrl=False, qrHelpUrl=True, refuseQr="url")
        await tab.ask(REFRESH)
        await tab.until(f"document.querySelector('[data-ref]').dataset.ref !== {drawn!r}")
        assert await _drawn(tab) == f"{await tab.code()},1,https://faq.whatsapp.com/r/ld"
        path = f"/control/phones/{ME}/scan"
        assert (await world.hand.call("POST", path, code=f"{QR_URL}{await tab.code()}"))[0] == 409
        await world.hand.good("POST", "/control/phones", number=ME)
        await world.hand.good("POST", path, code=await _drawn(tab))
        await tab.until_mode("MAIN")


async def test_codes_to_type_run_out_and_the_error_says_so(world: World) -> None:
    await world.hand.faults(pairingCodes=2)
    async with world.tab() as tab:
        await tab.open()
        for _ in range(2):
            assert len(await tab.ask(ANOTHER)) == 8
        refused = await tab.ask(
            f"{ANOTHER}.catch(({{name, type}}) => ({{name, type: type.name, value: type.value}}))"
        )
        assert refused == {
            "name": "CompanionHelloError",
            "type": "IQErrorRateOverlimit",
            "value": {"text": "rate-overlimit", "code": 429},
        }
        await world.hand.faults(pairingError=452)
        assert await tab.ask(f"{ANOTHER}.catch(({{type}}) => type.value.code)") == 452


async def test_a_typed_code_takes_the_secret_of_the_qr_code_away(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        code = await tab.code()
        await tab.ask(TYPED)
        lost = await tab.ask("WPP.conn.getAuthCode().catch((error) => error.message)")
        assert lost == "secretKey is null or undefined"
        await tab.ask(REFRESH)
        await tab.until(f"WPP.whatsapp.Conn.ref !== '{code.split(',')[0]}'")
        await world.hand.link(tab, ME)


async def test_a_code_for_a_number_that_is_linked_revokes_its_login(world: World) -> None:
    async with world.linked(ME) as first, world.tab("second") as second:
        await second.open()
        await second.ask(TYPED)
        await first.until_mode("QR")
        assert await world.hand.good("GET", "/control/devices") == []


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


async def _drawn(tab: Tab) -> str:
    """Return the text of the QR code that the page itself draws."""
    script = "document.querySelector('[data-ref]').dataset.ref"
    ref = await tab.ask("WPP.whatsapp.Conn.ref")
    await tab.until(f"{script}.includes({ref!r})")
    return str(await tab.ask(script))


async def _no_device(world: World) -> bool:
    return bool(await world.hand.good("GET", "/control/devices") == [])
