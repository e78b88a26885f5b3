"""Browsers and pages: the real Chromium and the real wa-js on the simulated WhatsApp Web."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp
import psutil
import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response, StreamResponse, WebSocketResponse

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.profile import free_profile, profile_of
from chatgrow_worker.browser.profiles_root import check_disk, disk_reason, owned_root, succeed
from chatgrow_worker.browser.savings import ALL, NONE, PROVEN, Savings
from chatgrow_worker.browser.user_agent import override_for
from chatgrow_worker.page.errors import PageBrokenError, PageCallError
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.common.errors import ConfigurationError
from sessions.connections.model import Proxy
from sessions.connections.states import Reason
from sessions.messages.content import Text
from tests.conftest import PATIENCE
from tests.integration.browser.launching import (
    CONNECTION,
    PHONE,
    THEM,
    driving,
    link,
    make_launcher,
    process_of,
)
from tests.integration.browser.one_page import OnePage
from tests.integration.scripted_pages import until_it_shows
from tests.processes import children_named, kill_all
from tests.waiting import until
from tests.whatsapp_web import WhatsAppWeb

NEVER = "15557654321@c.us"
STATE_NEEDS = {
    "WAWebStreamModel": "Stream",
    "WAWebLoginState": "functions.isAuthenticated",
    "WAWebNetworkStatus": "NetworkStatus",
}
"""Modules without which no page tells its state, and what wa-js lacks of each."""


async def test_a_browser_that_does_not_start_says_why(driver: Driver, tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho 'No usable sandbox!' >&2\nexit 1\n")
    browser.chmod(0o755)
    launcher = make_launcher(driver, "http://127.0.0.1:1", tmp_path / "profiles", browser)
    with pytest.raises(PageBrokenError) as broken:
        async with launcher.open(CONNECTION):
            pass
    assert broken.value.reason is Reason.BROWSER_UNAVAILABLE
    assert str(broken.value) == "No usable sandbox!"


async def _sent(page: WhatsAppPage, key: str) -> str:
    async def decided() -> bool:
        return (await page.outcome(key)).state != "pending"

    await until(decided)
    outcome = await page.outcome(key)
    return outcome.result or (outcome.error.name if outcome.error else outcome.state)


@pytest.mark.parametrize(
    "savings",
    [
        # Every acceptance test runs browsers with all savings. Without any, the test below puts a
        # login back and opens a saved page.
        pytest.param(ALL, id="all", marks=pytest.mark.slow),
        pytest.param(PROVEN, id="proven"),
        pytest.param(NONE, id="none", marks=pytest.mark.slow),
    ],
)
async def test_a_page_is_linked_sends_once_and_is_still_linked_when_opened_again(
    driver: Driver, web: WhatsAppWeb, tmp_path: Path, savings: Savings
) -> None:
    make = partial(make_launcher, driver, web.url, tmp_path / "profiles", savings=savings)
    launcher = make()
    async with launcher.open(CONNECTION) as browser:
        page = browser.page
        served = page.served
        assert served is not None
        await link(page, web)
        snapshot = await page.snapshot()
        assert snapshot is not None
        assert snapshot.number == PHONE
        assert await page.account_of(THEM) == THEM
        key = await page.prepare(THEM)
        assert not (await page.look_up(key, THEM)).found
        await page.send(key, THEM, Text(text="שלום 👋🏽 $1 `x` </script>"))
        assert await _sent(page, key) == "OK"

        async def read() -> bool:
            look = await page.look("", 0)
            return look is not None and any(each.ack == 3 for each in look.acks)

        await until(read)
        await _tells_acks_anew_to_who_followed_another_load(page)
        # No message of a chat that the page has never had is there: that is no error.
        unheard_of = key.replace(THEM, NEVER)
        assert not (await page.look_up(unheard_of, NEVER)).found
        await page.send(key, THEM, Text(text="the same id again"))
        assert await _sent(page, key) == "DuplicateMessageError"
        assert page.has_sent
        left = await page.leave()
    # As if Chromium had not come to writing any of it, which it seldom fails to at a close.
    shutil.rmtree(browser.profile / "Default/Local Storage")
    async with launcher.open(CONNECTION, local_storage=left) as browser:
        page = browser.page
        await until_it_shows(page, PageState.READY)
        known = await page.look_up(key, THEM)
        assert (known.found, known.ack) == (True, 3)
    assert await _arrived(web) == ["שלום 👋🏽 $1 `x` </script>"]
    await _opens_from_what_was_served_before(make(saved=served), web)


async def _opens_from_what_was_served_before(launcher: Launcher, web: WhatsAppWeb) -> None:
    """Open a linked page from the HTML of version 1, while WhatsApp serves something broken."""
    async with aiohttp.ClientSession(web.url) as http:
        await http.put("/control/faults", json={"brokenHtml": True, "htmlVersion": 2})
    async with launcher.open(CONNECTION) as browser:
        page = browser.page
        assert page.served is None
        await until_it_shows(page, PageState.READY)
        assert await _evaluates(page, "document.documentElement.dataset.version === '1'")
        assert not await _evaluates(page, _INLINE_SCRIPT_RUNS), "its policy belongs to it"
        await page.reload(timedelta(seconds=30))
        await until_it_shows(page, PageState.READY)
        await page._page.evaluate("location.reload()")
        await until(lambda: page.restarts == 1)
        await until_it_shows(page, PageState.READY)
        assert "WANoiseInfo" in await page.leave()


_INLINE_SCRIPT_RUNS = """() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.head.append(script);
    return Boolean(window.ran);
}"""


async def test_a_service_worker_answers_for_a_page_until_they_are_switched_off(
    driver: Driver, web: WhatsAppWeb, tmp_path: Path
) -> None:
    """It keeps neither a login from being put back nor a page from what was served before."""
    make = partial(make_launcher, driver, web.url, tmp_path / "profiles")
    async with make(savings=NONE).open(CONNECTION) as browser:
        page = browser.page
        served = page.served
        assert served is not None
        await link(page, web)
        key = await page.prepare(THEM)
        await page.send(key, THEM, Text(text="before"))
        assert await _sent(page, key) == "OK"
        assert page.has_sent
        await until(lambda: _is_controlled(page))
        left = await page.leave()
        assert "WANoiseInfo" in left
        assert await page._page.title() == ""  # an empty document, not WhatsApp's
    shutil.rmtree(browser.profile / "Default/Local Storage")
    async with make(savings=NONE).open(CONNECTION, local_storage=left) as browser:
        page = browser.page
        # Its requests have gone through the service worker, which may not name another browser.
        await until(lambda: _is_controlled(page))
        await until_it_shows(page, PageState.READY)
    await _opens_from_what_was_served_before(make(savings=NONE, saved=served), web)
    async with aiohttp.ClientSession(web.url) as http:
        await http.put("/control/faults", json={"brokenHtml": False, "htmlVersion": 1})
    async with make(savings=PROVEN).open(CONNECTION) as browser:
        await until_it_shows(browser.page, PageState.READY)
        assert not await _is_controlled(browser.page)


async def _is_controlled(page: WhatsAppPage) -> bool:
    """Tell whether a service worker answers for the page; asked behind the worker's back."""
    return bool(await page._page.evaluate("Boolean(navigator.serviceWorker.controller)"))


async def test_a_flood_of_old_messages_after_the_start_hides_nothing(one: OnePage) -> None:
    page = one.page
    # It floods after the synchronisation: by then it has to be counted.
    await one.control("PUT", "faults", hydration=3000, syncMs=1000)
    await page.reload(timedelta(seconds=30))
    events = "WPP.on('chat.new_message', () => (window.seen = (window.seen ?? 0) + 1))"
    await until(lambda: _evaluates(page, f"Boolean(window.WPP) && ({events}, true)"))
    rings = [0]
    counting = asyncio.create_task(_count_rings(page, rings))
    await until_it_shows(page, PageState.READY)
    key = await one.send(Text(text="in the middle of it"))
    await until(lambda: _evaluates(page, "window.seen >= 3000"))
    counting.cancel()

    async def read() -> bool:
        look = await page.look("", 0)
        return look is not None and any((each.key, each.ack) == (key, 3) for each in look.acks)

    await until(read)
    assert rings[0] < 300, "a ring for each event would keep the worker from all else"


async def _evaluates(page: WhatsAppPage, script: str) -> bool:
    """Evaluate in the page, behind the worker's back."""
    return bool(await page._page.evaluate(script))


async def _count_rings(page: WhatsAppPage, rings: list[int]) -> None:
    while True:
        await page.bell.wait()
        page.bell.clear()
        rings[0] += 1


async def _tells_acks_anew_to_who_followed_another_load(page: WhatsAppPage) -> None:
    look = await page.look("", 0)
    assert look is not None
    epoch, last = look.epoch, max(each.serial for each in look.acks)
    anew, since = await page.look("another load", last + 100), await page.look(epoch, last)
    assert anew is not None
    assert since is not None
    assert anew.acks == look.acks
    assert since.acks == []


async def _arrived(web: WhatsAppWeb) -> list[str]:
    async with aiohttp.ClientSession(web.url) as http:
        return [each["text"] for each in await (await http.get("/control/ledger")).json()]


async def test_a_page_tells_which_functions_it_lacks_and_which_version_it_is(one: OnePage) -> None:
    page, limit = one.page, timedelta(seconds=30)
    assert await _lacks(page) == ()
    about = await page.about()
    assert (about.version, about.manifest) == ("2.3000.1039000000", "1039000000_main")
    await one.control("PUT", "faults", moduleMissing=["WAWebSendMsgChatAction"])
    await page.reload(limit)
    await until_it_shows(page, PageState.READY)
    assert await _lacks(page) == ("WPP.whatsapp.functions.addAndSendMsgToChat",)
    assert (await page.about()).missing == (), "codes that were never shown lack nothing"
    for module, name in STATE_NEEDS.items():
        await one.control("PUT", "faults", moduleMissing=[module])
        await page.reload(limit)
        await until(partial(_cannot_be_read, page, f"WPP.whatsapp.{name}"))


async def _lacks(page: WhatsAppPage) -> tuple[str, ...]:
    look = await page.look("", 0)
    return look.missing if look else ("no page",)


async def _cannot_be_read(page: WhatsAppPage, lacks: str) -> bool:
    look = await page.look("", 0)
    return look is not None and look.snapshot is None and lacks in look.missing


async def test_a_number_that_is_not_on_whatsapp_is_told(one: OnePage) -> None:
    await one.control("PUT", "numbers/+15551230000", registered=False)
    assert await one.page.account_of("15551230000@c.us") is None
    with pytest.raises(PageCallError):
        await one.page.prepare("15551230000@c.us")


async def test_the_bell_rings_for_a_change_that_no_event_tells(one: OnePage) -> None:
    page = one.page
    for _ in range(3):
        await one.control("PUT", "faults", needsUpdate=True)
        # A look just after the change, as any other bell may bring about: it is told by that.
        await until(partial(_needs_update, page, True))
        page.bell.clear()
        await one.control("PUT", "faults", needsUpdate=False)
        await _rings_until(page, partial(_needs_update, page, False))


async def _rings_until(page: WhatsAppPage, holds: Callable[[], Awaitable[bool]]) -> None:
    """Look at each ring and never without one, as a worker does, until a look finds something."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while True:
            await page.bell.wait()
            page.bell.clear()
            if await holds():
                return


async def _needs_update(page: WhatsAppPage, due: object) -> bool:
    snapshot = await page.snapshot()
    return snapshot is not None and snapshot.needs_update is due


async def test_a_page_that_was_tidied_goes_on(one: OnePage) -> None:
    await one.page.tidy()
    await one.send(Text(text="after"))


async def test_the_bell_rings_when_the_page_changes(one: OnePage) -> None:
    page = one.page
    key = await page.prepare(THEM)
    page.bell.clear()
    await page.send(key, THEM, Text(text="ring"))
    async with asyncio.timeout(10):
        await page.bell.wait()


async def test_the_bell_rings_when_a_send_is_decided_that_its_answer_left_open(
    one: OnePage,
) -> None:
    page = one.page
    key = await page.prepare(THEM)
    await one.control("PUT", "faults", ackDelayMs=1000, deliveryDelayMs=3_600_000)
    await page.send(key, THEM, Text(text="late"))
    assert (await page.outcome(key)).state == "pending"
    page.bell.clear()

    async def decided() -> bool:
        return (await page.outcome(key)).state == "done"

    await _rings_until(page, decided)


async def test_a_browser_that_ends_is_told_of_leaves_nothing_running_and_opens_again(
    launcher: Launcher, driver: Driver
) -> None:
    await _is_killed(launcher, driver)
    await _is_closed(launcher, driver)
    await _has_a_page_that_crashes_on_a_profile_of_which_nothing_can_be_read(launcher)
    await _is_given_up_while_it_opens(launcher, driver)


async def _is_killed(launcher: Launcher, driver: Driver) -> None:
    async with launcher.open(CONNECTION) as browser:
        await until_it_shows(browser.page, PageState.QR)
        kill_all(_browsers(driver))
        with pytest.raises(PageBrokenError):
            await until_it_shows(browser.page, PageState.LOADING)


async def _is_closed(launcher: Launcher, driver: Driver) -> None:
    async with launcher.open(CONNECTION) as browser:
        await until_it_shows(browser.page, PageState.QR)
        assert _browsers(driver)
    assert _browsers(driver) == []
    with pytest.raises(PageBrokenError):
        await browser.page.tidy()


async def _has_a_page_that_crashes_on_a_profile_of_which_nothing_can_be_read(
    launcher: Launcher,
) -> None:
    for file in launcher.profile(CONNECTION).rglob("*"):
        if file.is_file() and not file.is_symlink():
            file.write_bytes(os.urandom(3000))
    async with launcher.open(CONNECTION) as browser:
        await until_it_shows(browser.page, PageState.QR)
        tab, crashed = browser.page._page, asyncio.Event()
        tab.on("crash", lambda _: crashed.set())
        cdp = await tab.context.new_cdp_session(tab)
        crash = asyncio.create_task(cdp.send("Page.crash"))
        await crashed.wait()
        with pytest.raises(PageBrokenError) as broken:
            await browser.page.snapshot()
        # It is told from one that hangs.
        assert broken.value.reason is Reason.PAGE_CRASHED
        crash.cancel()  # who has crashed does not answer


async def _is_given_up_while_it_opens(launcher: Launcher, driver: Driver) -> None:
    """Which version it is has been asked for before: what runs next is the browser itself."""

    async def open_for_ever() -> None:
        async with launcher.open(CONNECTION):
            await asyncio.Event().wait()

    opening = asyncio.create_task(open_for_ever())
    await until(lambda: bool(_browsers(driver)))
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    assert _browsers(driver) == []


async def test_a_killed_driver_is_replaced(web: WhatsAppWeb, tmp_path: Path) -> None:
    async with driving(tmp_path) as driver:
        launcher = make_launcher(driver, web.url, tmp_path / "profiles")
        async with launcher.open(CONNECTION) as browser:
            page = browser.page
            await until_it_shows(page, PageState.QR)
            process_of(driver).kill()
            with pytest.raises(PageBrokenError):
                await until_it_shows(page, PageState.LOADING)
        left = set(Path(os.environ["TMPDIR"]).iterdir())
        assert left
        async with launcher.open(CONNECTION) as browser:
            page = browser.page
            await until_it_shows(page, PageState.QR)
            assert left.isdisjoint(Path(os.environ["TMPDIR"]).iterdir())


_REACHED = """async (host) => {
  const socket = new WebSocket(`ws://${host}/`);
  const opens = await new Promise((told) => {
    socket.onopen = () => told(true);
    socket.onerror = () => told(false);
  });
  return [opens, await fetch(`http://${host}/`, {mode: "no-cors"}).then(() => true, () => false)];
}"""


async def test_a_page_reaches_its_own_host_and_no_other_until_that_refuses_or_is_away(
    driver: Driver, tmp_path: Path
) -> None:
    """`localhost` stands for all the others: it is the same server by another name."""

    async def answer(request: Request) -> StreamResponse:
        socket = WebSocketResponse()
        if not socket.can_prepare(request):
            return Response(text="<html>", content_type="text/html")
        await socket.prepare(request)
        return socket

    app = Application()
    app.router.add_get("/", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.port}"
        launcher = make_launcher(driver, url, tmp_path / "profiles")
        async with launcher.open(CONNECTION) as browser:
            page = browser.page._page
            assert await page.evaluate(_REACHED, f"127.0.0.1:{server.port}") == [True, True]
            for other in ("localhost", "[::1]", "127.0.0.2"):
                assert await page.evaluate(_REACHED, f"{other}:{server.port}") == [False, False]
            await _cannot_open(browser.page, f"{url}/nothing", "answered 404")
            await server.close()
            await _cannot_open(browser.page, url, url.removeprefix("http://"))


async def _cannot_open(page: WhatsAppPage, url: str, why: str) -> None:
    """Open what WhatsApp or a proxy refuses, or what is away."""
    with pytest.raises(PageBrokenError, match=re.escape(why)) as broken:
        await page.open(url, timedelta(seconds=30))
    assert broken.value.reason is Reason.PAGE_UNREACHABLE


async def test_a_connection_goes_through_its_own_proxy(launcher: Launcher) -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        proxy = Proxy(server=f"http://127.0.0.1:{port}")
        async with launcher.open(CONNECTION, proxy=proxy):
            pass
    assert any(line.startswith("GET http://127.0.0.1:") for line in asked)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, Reason.DISK_FULL),
        (errno.EDQUOT, Reason.DISK_FULL),
        (errno.EROFS, Reason.DISK_READ_ONLY),
        (errno.EIO, Reason.DISK_UNUSABLE),
    ],
)
def test_an_error_of_the_disk_has_its_reason(number: int, reason: Reason) -> None:
    assert disk_reason(OSError(number, "")) is reason


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PageBrokenError) as broken:
        check_disk(tmp_path / "file" / "root")
    assert broken.value.reason is Reason.DISK_UNUSABLE
    check_disk(tmp_path / "removed meanwhile")
    assert list((tmp_path / "removed meanwhile").iterdir()) == []


def test_two_workers_do_not_share_a_folder(tmp_path: Path) -> None:
    with owned_root(tmp_path), pytest.raises(ConfigurationError, match="running worker"):
        owned_root(tmp_path).__enter__()


def test_a_folder_tells_who_had_it_before(tmp_path: Path) -> None:
    assert succeed(tmp_path, "first") is None
    assert succeed(tmp_path, "second, with a longer id") == "first"
    assert succeed(tmp_path, "third") == "second, with a longer id"
    assert succeed(tmp_path, "fourth") == "third"


def test_a_copied_folder_tells_of_nobody(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.mkdir()
    succeed(original, "may well live")
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    assert succeed(copy, "first here") is None
    assert succeed(copy, "second here") == "first here"
    assert succeed(original, "its next") == "may well live"


@pytest.mark.parametrize("found", [b"", b"one", b"one \xff", b"x" * 10_000])
def test_a_damaged_note_of_the_owner_stops_nobody(tmp_path: Path, found: bytes) -> None:
    (tmp_path / ".owner").write_bytes(found)
    assert succeed(tmp_path, "one") is None
    assert succeed(tmp_path, "two") == "one"


async def test_a_proxy_that_leads_into_our_network_by_now_is_not_used(launcher: Launcher) -> None:
    proxy = Proxy(server="http://localhost:3128", may_be_private=False)
    with pytest.raises(PageBrokenError, match="private network"):
        async with launcher.open(CONNECTION, proxy=proxy):
            pass


async def test_a_proxy_is_reached_at_the_address_that_was_looked_at(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked_at(_host: str) -> str:
        return "127.0.0.1"

    monkeypatch.setattr("chatgrow_worker.browser.launcher.require_public", looked_at)
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        asked.set()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        proxy = Proxy(server=f"http://proxy.invalid:{port}", may_be_private=False)
        with pytest.raises(PageBrokenError):
            async with launcher.open(CONNECTION, proxy=proxy):
                pass
    assert asked.is_set()


async def test_a_process_left_on_a_profile_is_ended_and_its_locks_removed(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, CONNECTION)
    profile.mkdir()
    for name in ("SingletonLock", "SingletonSocket", "SingletonCookie"):
        (profile / name).symlink_to("elsewhere-1234")
    code = "import signal; signal.pause()"
    left = subprocess.Popen([sys.executable, "-c", code, f"--user-data-dir={profile}"])
    other = subprocess.Popen([sys.executable, "-c", code, f"--user-data-dir={profile}2"])
    try:
        await free_profile(profile)
        assert not psutil.pid_exists(left.pid)
        assert other.poll() is None
    finally:
        for each in (left, other):
            each.kill()
            each.wait(10)
    assert list(profile.iterdir()) == []


@pytest.mark.parametrize("text", ["../x", "a/b", "", "ünï", "a b"])
def test_only_ids_of_ours_become_folders(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="not an id of ours"):
        profile_of(tmp_path, text)


def test_the_user_agent_and_its_hints_agree() -> None:
    override = override_for(
        {"product": "HeadlessChrome/156.0.8078.79", "userAgent": "X HeadlessChrome/156.0.0.0 Y"}
    )
    assert override["userAgent"] == "X Chrome/156.0.0.0 Y"
    brands = {each["brand"]: each["version"] for each in override["userAgentMetadata"]["brands"]}
    assert brands["Google Chrome"] == "156"


def _browsers(driver: Driver) -> list[psutil.Process]:
    """Return the browsers that a driver has started."""
    return children_named(process_of(driver).pid, "chromium")
