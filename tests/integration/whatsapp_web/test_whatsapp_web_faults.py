"""Prove each way in which the simulated service can fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from playwright.async_api import Error, Playwright

from tests.integration.whatsapp_web_driver import Tab, World, small_world
from tests.waiting import until

ME = "+972501234567"
FRIEND = "15551234567@c.us"
STRANGER = "15557654321@c.us"


pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def test_what_is_pending_goes_out_on_reconnect_once(world: World) -> None:
    async with world.linked(ME) as tab:
        chosen = await tab.new_id(FRIEND)
        await world.hand.faults(number=ME, dropNetwork=True)
        await tab.until("!WPP.conn.isOnline()")
        state = await tab.state()
        assert (state["mode"], state["info"], state["socket"]) == ("MAIN", "OFFLINE", "OPENING")
        await tab.start_send(FRIEND, "later", chosen)
        await tab.until(f"WPP.whatsapp.MsgStore.get('{chosen}')?.ack === 0")
        assert await world.hand.ledger() == []
        await world.hand.faults(number=ME, dropNetwork=False)
        await tab.until("window.sent?.result === 'OK'")
        [entry] = await world.hand.ledger()
        assert entry["arrivals"] == 1


async def test_a_broken_line_between_arrival_and_ack_costs_an_arrival_not_a_delivery(
    world: World,
) -> None:
    async with world.linked(ME) as tab:
        await tab.new_id(FRIEND)
        await world.hand.faults(sendDelayMs=60_000)
        await tab.start_send(FRIEND, "twice")
        await until(lambda: _arrived(world, 1))
        await world.hand.faults(number=ME, dropNetwork=True)
        await world.hand.faults(sendDelayMs=0)
        await world.hand.faults(number=ME, dropNetwork=False)
        await tab.until("window.sent?.result === 'OK'")
        [entry] = await world.hand.ledger()
        assert entry["arrivals"] == 2


async def test_held_acks_come_when_they_are_let_go(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(holdAcks=True)
        sent = await tab.send(FRIEND, "patience")
        await until(lambda: _delivered(world))
        assert (await tab.look_up(FRIEND, sent["id"]))["ack"] == 1
        await world.hand.faults(holdAcks=False)
        await tab.until(f"WPP.whatsapp.MsgStore.get('{sent['id']}').ack === 3")


async def test_acks_that_were_missed_come_at_the_next_start(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(holdAcks=True)
        sent = await tab.send(FRIEND, "goodbye")
        await until(lambda: _delivered(world))
    await world.hand.faults(holdAcks=False, readDelayMs=0)
    async with world.tab() as tab:
        await tab.open()
        await tab.until_mode("MAIN")
        await tab.ask("(to) => WPP.chat.find(to).then(() => true)", FRIEND)
        await tab.until(f"WPP.chat.getMessageById('{sent['id']}').then((msg) => msg.ack === 3)")


async def test_a_refused_send_resolves_and_says_so(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(serverErrorRate=1, serverErrorCode=479)
        sent = await tab.send(FRIEND, "no")
        assert sent["result"] == "ERROR_UNKNOWN"
        assert sent["code"] == 479
        assert sent["ack"] == -1
        assert await world.hand.ledger() == []
        assert await tab.heard("chat.msg_ack_change") == []


async def test_a_timelock_refuses_strangers_for_its_time(world: World) -> None:
    async with world.linked(ME) as tab:
        assert (await tab.send(FRIEND, "hello"))["result"] == "OK"
        await until(lambda: _delivered(world))
        await world.hand.faults(timelockSeconds=3)
        assert (await tab.send(FRIEND, "still friends"))["result"] == "OK"
        refused = await tab.send(STRANGER, "hello stranger")
        assert (refused["result"], refused["code"]) == ("ERROR_UNKNOWN", 463)
        await until(lambda: _accepted(tab, STRANGER))


async def test_too_many_new_chats(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(newChatsCapped=True)
        refused = await tab.send(STRANGER, "hello stranger")
        assert (refused["result"], refused["code"]) == ("ERROR_UNKNOWN", 475)


async def test_a_slow_network(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(latencyMs=400)
        begun = monotonic()
        assert (await tab.send(FRIEND, "slow"))["result"] == "OK"
        assert monotonic() - begun > 0.8


async def test_a_page_that_hangs_and_comes_back(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(number=ME, hang=1500)
        begun = monotonic()
        await until(lambda: _answers_late(tab, begun), within=timedelta(seconds=10))


async def test_an_update_and_its_modal(world: World) -> None:
    async with world.linked(ME) as tab:
        await world.hand.faults(needsUpdate=True, whatsNewModal=True)
        await tab.until("WPP.conn.needsUpdate() === true")
        assert await tab.heard("conn.needs_update")
        await tab.page.get_by_role("dialog", name="What's new").wait_for()
        await tab.page.get_by_role("button", name="Continue").click()
        await tab.page.get_by_role("dialog", name="What's new").wait_for(state="hidden")


async def test_a_page_that_is_slow_to_load_and_heavy(world: World) -> None:
    await world.hand.faults(pageLoadMs=700)
    async with world.tab() as tab:
        begun = monotonic()
        await tab.open()
        assert monotonic() - begun > 0.7
        cdp = await tab.page.context.new_cdp_session(tab.page)

        async def heap_used() -> int:
            await cdp.send("HeapProfiler.collectGarbage")
            return int((await cdp.send("Runtime.getHeapUsage"))["usedSize"])

        before = await heap_used()
        await world.hand.faults(pageWeightMb=100)
        await until(lambda: _at_least(heap_used, before + 100 * (1 << 20)))


async def test_a_browser_that_goes_offline_itself(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.page.context.set_offline(True)
        await tab.until("!WPP.conn.isOnline()")
        assert False in await tab.heard("conn.online")
        await tab.page.context.set_offline(False)
        await tab.until("WPP.conn.isOnline() && WPP.whatsapp.Socket.state === 'CONNECTED'")


async def test_faults_of_one_number_leave_the_others_alone(world: World) -> None:
    async with world.linked(ME) as mine, world.linked("+972509876543", "other") as other:
        await world.hand.faults(number=ME, serverErrorRate=1)
        assert (await mine.send(FRIEND, "refused"))["result"] == "ERROR_UNKNOWN"
        assert (await other.send(FRIEND, "passed"))["result"] == "OK"


async def test_chance_follows_the_seed(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.new_id(FRIEND)
        await world.hand.faults(serverErrorRate=0.5)
        courses = []
        for _ in range(2):
            await world.hand.faults(seed=7)
            courses.append([(await tab.send(FRIEND, "?"))["result"] for _ in range(12)])
        assert courses[0] == courses[1]
        assert set(courses[0]) == {"OK", "ERROR_UNKNOWN"}


async def test_a_line_that_breaks_at_random_loses_and_doubles_nothing(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.new_id(FRIEND)
        await world.hand.faults(dropRate=0.4, seed=3)
        texts = [f"number {count}" for count in range(10)]
        for text in texts:
            assert (await tab.send(FRIEND, text))["result"] == "OK"
        entries = await world.hand.ledger()
        assert [entry["text"] for entry in entries] == texts
        assert any(entry["arrivals"] > 1 for entry in entries)


async def test_a_line_that_the_server_has_ended_shows_in_the_stream_only(world: World) -> None:
    async with world.linked(ME) as tab:
        sent = await tab.send(FRIEND, "before")
        for fault, goes_on in (("lineDead", True), ("otherBrowserTakesOver", False)):
            await world.hand.faults(number=ME, **{fault: True})
            await tab.until("WPP.whatsapp.Socket.stream === 'DISCONNECTED'")
            assert await tab.state() == {
                "authenticated": True,
                "online": True,
                "mode": "MAIN",
                "info": "NORMAL",
                "socket": "CONNECTED",
                "me": f"{ME[1:]}@c.us",
            }
            assert await tab.ask("WPP.whatsapp.Stream.phoneAuthed") is False
            assert await tab.ask("require('WAComms').getComms() !== null") is goes_on
            await tab.page.reload()
            await tab.until("window.WPP?.whatsapp?.Socket?.stream === 'CONNECTED'")
        assert (await tab.look_up(FRIEND, sent["id"]))["body"] == "before"
        assert (await tab.send(FRIEND, "after"))["result"] == "OK"
        assert len(await world.hand.good("GET", "/control/devices")) == 1


async def test_a_send_into_a_line_that_was_taken_away_comes_to_nothing(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.new_id(FRIEND)
        await world.hand.faults(number=ME, otherBrowserTakesOver=True)
        await tab.until("WPP.whatsapp.Socket.stream === 'DISCONNECTED'")
        [device] = await world.hand.good("GET", "/control/devices")
        assert device["online"] is True  # the other browser
        sent = await tab.send(FRIEND, "into the dark")
        assert (sent["result"], sent["ack"]) == ("ERROR_UNKNOWN", 0)
        assert await world.hand.ledger() == []


async def test_while_it_reconnects_a_page_says_opening_and_online(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.new_id(FRIEND)
        await world.hand.faults(reconnectMs=5000, dropRate=1)
        await tab.start_send(FRIEND, "breaks the line")
        await tab.until("WPP.conn.getStreamData().info === 'OPENING' && WPP.conn.isOnline()")
        assert (await tab.state())["mode"] == "MAIN"


async def test_nothing_can_be_taken_over_in_the_page(world: World) -> None:
    async with world.linked(ME) as tab:
        with pytest.raises(Error, match="without conflict"):
            await tab.ask("WPP.whatsapp.Socket.takeover()")


async def test_a_page_loads_itself_anew_for_a_newer_version(world: World) -> None:
    async with world.linked(ME) as tab:
        await tab.ask("() => { window.before = true; }")
        await world.hand.faults(number=ME, hardRefresh=300)
        await tab.until("window.before === undefined && window.WPP?.isFullReady")
        assert (await tab.send(FRIEND, "after"))["result"] == "OK"


async def test_a_page_that_has_been_there_for_days_wants_an_update(world: World) -> None:
    await world.hand.faults(needsUpdateAfterMs=200)
    async with world.linked(ME) as tab:
        await tab.until("WPP.conn.needsUpdate() === true")
        assert (await tab.send(FRIEND, "all the same"))["result"] == "OK"


async def test_without_a_module_wa_js_lacks_what_it_takes_from_it(world: World) -> None:
    missing = "WAWebSendMsgChatAction"
    loads = f"Boolean(require('__debug').modulesMap['{missing}'])"
    async with world.linked(ME) as tab:
        await world.hand.faults(moduleMissing=[missing])
        assert await tab.ask(loads), "a page that has loaded stays as it is"
        await tab.open()
        await tab.until_mode("MAIN")
        assert not await tab.ask(loads)
        with pytest.raises(Error, match="Requiring unknown module"):
            await tab.ask(f"require('{missing}')")
        assert await tab.ask("WPP.whatsapp.functions.addAndSendMsgToChat === undefined")
        assert (await tab.send(FRIEND, "no"))["error"] == "TypeError"
        await world.hand.faults(moduleMissing=None)
        await tab.open()
        await tab.until_mode("MAIN")
        assert (await tab.send(FRIEND, "goes"))["result"] == "OK"
    assert [entry["text"] for entry in await world.hand.ledger()] == ["goes"]


async def test_a_send_that_throws_keeps_and_sends_nothing(world: World) -> None:
    async with world.linked(ME) as tab:
        chosen = await tab.new_id(FRIEND)
        await world.hand.faults(number=ME, sendThrows=True)
        await until(lambda: _throws(tab))
        thrown = await tab.send(FRIEND, "no", message_id=chosen)
        assert thrown["error"] == "TypeError"
        assert await tab.look_up(FRIEND, chosen) == {"error": "msg_not_found"}
        await world.hand.faults(number=ME, sendThrows=None)
        await until(lambda: _sends(tab, chosen))
    assert [entry["text"] for entry in await world.hand.ledger()] == ["yes"]


async def _throws(tab: Tab) -> bool:
    return bool(await tab.ask("require('WAWebServerMood').now().sendThrows"))


async def _sends(tab: Tab, chosen: str) -> bool:
    if await _throws(tab):
        return False
    return bool((await tab.send(FRIEND, "yes", message_id=chosen))["result"] == "OK")


async def test_unknown_faults_are_refused(world: World) -> None:
    for body in (
        {"noSuchFault": 1},
        {"holdAcks": 1},
        {"hold_acks": True},
        {"sendDelayMs": -5},
        {"sendDelayMs": True},
        {"sendDelayMs": 10**12},
        {"serverErrorRate": 2},
        {"dropRate": -0.5},
        {"qrCount": 0},
        {"lineDead": 1},
        {"unlinkBy": "magic"},
        {"loginFailure": 402},
        {"logoutReason": "user_initiated"},
        {"moduleMissing": "WAWebWid"},
        {"moduleMissing": ["a b"]},
    ):
        assert (await world.hand.call("PUT", "/control/faults", **body))[0] == 400, body
    await world.hand.faults(serverErrorRate=1, seed=-3, hang=None)


async def test_what_a_number_cannot_be_is_refused(world: World) -> None:
    path = f"/control/numbers/{ME}"
    wrong: tuple[dict[str, object], ...] = (
        {"registered": "false"},
        {"business": 1},
        {"receiptsFromLid": None},
        {"lid": "12a"},
        {"lid": 12},
        {"addressing": "LID"},
        {"addressing": ["pn"]},
        {"phone": True},
        {"registered": False, "no": 1},
    )
    for body in wrong:
        assert (await world.hand.call("PUT", path, **body))[0] == 400, body
    assert (await world.hand.good("PUT", path))["registered"] is True


async def test_the_strict_policy_stops_script_tags(world: World) -> None:
    async with world.tab() as tab:
        await tab.open()
        with pytest.raises(Error):
            await tab.page.add_script_tag(content="window.injected = true")
        assert await tab.ask("window.injected ?? null") is None


async def _arrived(world: World, count: int) -> bool:
    arrivals: int = sum(entry["arrivals"] for entry in await world.hand.ledger())
    return arrivals >= count


async def _delivered(world: World) -> bool:
    return any(entry["deliveredAt"] for entry in await world.hand.ledger())


async def _accepted(tab: Tab, to: str) -> bool:
    return bool((await tab.send(to, "again"))["result"] == "OK")


async def _answers_late(tab: Tab, begun: float) -> bool:
    await tab.ask("1")
    return monotonic() - begun > 1.4


async def _at_least(measure: Callable[[], Awaitable[int]], limit: int) -> bool:
    return await measure() >= limit
