"""Prove the ends of a login on the simulated page: what is told, what is wiped, where it goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import Tab, World, small_world
from tests.waiting import until

ME = "+972501234567"

LISTEN = """() => {
  const tell = (word) => window.told(word);
  const {Cmd} = window.require('WAWebCmd');
  for (const name of ['starting_logout_from_bridge', 'logout_from_bridge']) {
    Cmd.on(name, () => tell(`${name} ${localStorage.getItem('last-wid-md') ? 'before' : 'after'}`));
  }
  Cmd.on('account_temporarily_banned_from_bridge', (ban) => tell(JSON.stringify(ban)));
  WPP.on('conn.logout', () => tell('conn.logout'));
  WPP.on('conn.authenticated', () => tell('conn.authenticated'));
  WPP.on('conn.backend_event', (name) => tell(`bus ${name}`));
}"""
"""Report events before the page's memory ends, and whether the login was still there."""

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def _listen(tab: Tab) -> tuple[list[str], list[str]]:
    """Collect what the page tells from now on, and the addresses that it asks for."""
    told: list[str] = []
    addresses: list[str] = []
    await tab.page.context.expose_binding("told", lambda _source, word: told.append(word))
    tab.page.on(
        "request",
        lambda asked: addresses.append(asked.url) if asked.is_navigation_request() else None,
    )
    await tab.ask(LISTEN)
    return told, addresses


async def _unlink(world: World) -> None:
    await world.hand.good("POST", f"/control/phones/{ME}/unlink")


async def test_an_unlink_is_told_before_and_after_the_wipe_and_ends_in_a_plain_reload(
    world: World,
) -> None:
    async with world.linked(ME) as tab:
        told, addresses = await _listen(tab)
        await _unlink(world)
        await tab.until_mode("QR")
        assert told == [
            "starting_logout_from_bridge before",
            "bus logout",
            "logout_from_bridge after",
        ]
        assert addresses == [f"{world.web.url}/"]
        assert (await tab.state())["authenticated"] is False


async def test_an_unlink_whose_wipe_fails_is_finished_by_the_next_page(world: World) -> None:
    await world.hand.faults(unlinkBy="wipe")
    async with world.linked(ME) as tab:
        _, addresses = await _listen(tab)
        await _unlink(world)
        await tab.until_mode("QR")
        assert addresses == [f"{world.web.url}/?post_logout=1"] * 2
        # The page tidies its address, so that the next load says nothing of it.
        assert tab.page.url == f"{world.web.url}/"
        assert await tab.ask("Object.keys(localStorage)") == []


@pytest.mark.parametrize(
    ("reason", "code"),
    [("web_fail_add_chat", "0"), ("syncd_failure", "1"), ("history_sync_timeout", "2")],
)
async def test_a_logout_for_an_error_carries_its_code(world: World, reason: str, code: str) -> None:
    async with world.linked(ME) as tab:
        told, addresses = await _listen(tab)
        await world.hand.faults(number=ME, logoutReason=reason)
        await tab.until_mode("QR")
        assert "starting_logout_from_bridge before" in told
        assert addresses == [f"{world.web.url}/?logout_reason={code}"]
        assert await world.hand.good("GET", "/control/devices") == []


@pytest.mark.parametrize("failure", [401, 406])
async def test_a_login_that_is_refused_for_good_is_wiped_and_only_its_end_is_told(
    world: World, failure: int
) -> None:
    async with world.linked(ME) as tab:
        told, addresses = await _listen(tab)
        await world.hand.faults(number=ME, loginFailure=failure)
        await tab.until_mode("QR")
        assert [each for each in told if "logout" in each] == [
            "bus logout",
            "logout_from_bridge after",
        ]
        assert addresses == [f"{world.web.url}/"]


async def test_a_locked_account_carries_its_message(world: World) -> None:
    async with world.linked(ME) as tab:
        _, addresses = await _listen(tab)
        await world.hand.faults(number=ME, loginFailure=403)
        await tab.until_mode("QR")
        [address] = addresses
        assert "logout_reason=3&logout_message_header=Your+account+is+locked&" in address
        code = "require('WAWebLogoutReason').getPrevLogoutReasonCode()"
        assert await tab.ask(code) == "3"


@pytest.mark.parametrize("failure", [405, 409])
async def test_a_page_that_is_too_old_loads_itself_anew_until_it_is_not(
    world: World, failure: int
) -> None:
    async with world.linked(ME) as tab:
        _, addresses = await _listen(tab)
        await world.hand.faults(number=ME, loginFailure=failure)
        await until(lambda: len(addresses) > 1)
        assert set(addresses) == {f"{world.web.url}/"}
        await world.hand.faults(number=ME, loginFailure=None)
        await tab.until_mode("MAIN")


async def test_unlinked_while_away_is_found_out_at_the_next_start(world: World) -> None:
    async with world.linked(ME):
        pass
    await _unlink(world)
    async with world.tab() as tab:
        await tab.open()
        await tab.until_mode("QR")
        assert await tab.ask("Object.keys(localStorage)") == []


async def test_a_temporary_ban_is_told_on_the_command_bus_only_and_ends(world: World) -> None:
    async with world.linked(ME) as tab:
        told, _ = await _listen(tab)
        await world.hand.faults(number=ME, banSeconds=3)
        await until(lambda: '{"banned":true,"code":101,"expire":3}' in told)
        assert (await tab.state())["socket"] != "CONNECTED"
        assert await tab.page.get_by_text("temporarily banned").is_visible()
        await tab.until("WPP.whatsapp.Socket.state === 'CONNECTED'")
        await until(lambda: told[-1] == '{"banned":false}')
        assert not [each for each in told if each.startswith("bus account")]


async def test_the_command_bus_of_an_unlinked_page_comes_late(world: World) -> None:
    """As the loader of September 2026 does it: a subscription made at once is lost."""
    await world.hand.faults(deferredMs=3000)
    has_bus = "'WAWebCmd' in window.require('__debug').modulesMap"
    async with world.tab() as tab:
        await tab.open()
        assert not await tab.ask(has_bus)
        await tab.until(has_bus)
        await world.hand.link(tab, ME)
