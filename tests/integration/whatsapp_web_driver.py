"""Drive the simulated WhatsApp Web in tests: a browser tab, and the control endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Error, Page, Playwright

from tests.waiting import until
from tests.whatsapp_web import WhatsAppWeb, whatsapp_web
from tests.whatsapp_web.beside import whatsapp_web_beside

CHROMIUM = "/usr/bin/chromium-headless-shell"
WA_JS = Path(__file__).parents[2] / "node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js"
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Safari/537.36"
)
QUICK = {"syncMs": 200, "reconnectMs": 50}
"""A synchronisation and reconnects that take no time."""
BEFORE = "window.WPPConfig = {disableGoogleAnalytics: true, linkPreviewApiServers: []};"
AFTER = """
window.heard = [];
WPP.onAny((name, value) => window.heard.push({name, value: (() => {
  if (name === 'chat.msg_ack_change') return {ack: value.ack, ids: value.ids.map(String)};
  if (name === 'chat.new_message') return {id: String(value.id), body: value.body};
  return typeof value === 'object' ? null : value;
})()}));
"""
SEND = """
async ({to, text, id, options}) => {
  const chat = await WPP.chat.find(to);
  const messageId = id ?? String(await WPP.chat.generateMessageID(chat));
  try {
    const sent = await WPP.chat.sendTextMessage(to, text, {
      messageId, createChat: true, waitForAck: true, linkPreview: false, markIsRead: false,
      detectMentioned: false, ...options});
    return {id: sent.id, ack: sent.ack, result: sent.sendMsgResult?.messageSendResult,
            code: sent.sendMsgResult?.ackErrorCode ?? null};
  } catch (error) {
    return {id: messageId, error: error.name, message: error.message};
  }
}
"""
START_SEND = (
    "(request) => { window.sending = ("
    + SEND
    + ")(request).then((sent) => { window.sent = sent; }); }"
)
LOOK_UP = """
async ({chat, id}) => {
  await WPP.chat.find(chat);
  try {
    const msg = await WPP.chat.getMessageById(id);
    return {ack: msg.ack, body: msg.body};
  } catch (error) {
    return {error: error.code};
  }
}
"""
STATE = """({authenticated: WPP.conn.isAuthenticated(), online: WPP.conn.isOnline(),
  mode: WPP.conn.getStreamData().mode, info: WPP.conn.getStreamData().info,
  socket: WPP.whatsapp.Socket.state, me: String(WPP.conn.getMyUserId() ?? '')})"""


@dataclass
class Tab:
    """One browser tab that shows the simulated page, with wa-js in it."""

    page: Page
    url: str
    complaints: list[str]

    async def open(self) -> None:
        """Load the page and wait until wa-js is fully ready."""
        await self.page.goto(self.url + "/")
        await self.until("window.WPP?.isFullReady === true")

    async def ask(self, script: str, argument: Any = None) -> Any:
        """Evaluate in the page, within a bound."""
        async with asyncio.timeout(30):
            return await self.page.evaluate(script, argument)

    async def until(self, script: str, *, within: timedelta = timedelta(seconds=20)) -> None:
        """Wait until an expression in the page is true, through reloads."""

        async def holds() -> bool:
            try:
                return bool(await self.ask(script))
            except Error:
                return False

        await until(holds, within=within)

    async def until_mode(self, mode: str) -> None:
        """Wait until the stream is in a mode."""
        await self.until(f"WPP.isFullReady && WPP.conn.getStreamData().mode === '{mode}'")

    async def state(self) -> dict[str, Any]:
        """Return what the connection looks like."""
        return dict(await self.ask(STATE))

    async def code(self) -> str:
        """Return the text of the QR code that the page shows."""
        await self.until("WPP.conn.getAuthCode().then((code) => code !== null)")
        return str(await self.ask("WPP.conn.getAuthCode().then((code) => code.fullCode)"))

    async def send(
        self, to: str, text: str, *, message_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Send a text and return how it went."""
        request = {"to": to, "text": text, "id": message_id, "options": options}
        return dict(await self.ask(SEND, request))

    async def start_send(self, to: str, text: str, message_id: str | None = None) -> None:
        """Send a text without waiting; the outcome will be in `window.sent`."""
        await self.ask(START_SEND, {"to": to, "text": text, "id": message_id, "options": {}})

    async def new_id(self, to: str) -> str:
        """Make a message id for a chat."""
        script = "async (to) => String(await WPP.chat.generateMessageID(await WPP.chat.find(to)))"
        return str(await self.ask(script, to))

    async def look_up(self, chat: str, message_id: str) -> dict[str, Any]:
        """Return a stored message's ack and text."""
        return dict(await self.ask(LOOK_UP, {"chat": chat, "id": message_id}))

    async def heard(self, name: str) -> list[Any]:
        """Return the values of the events of this name that wa-js told so far."""
        script = "(name) => window.heard.filter((event) => event.name === name)"
        return [event["value"] for event in await self.ask(script, name)]


@dataclass
class Hand:
    """The control endpoints."""

    session: aiohttp.ClientSession
    url: str

    async def call(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """Call an endpoint and return status and answer."""
        content = body if method != "GET" else None
        async with self.session.request(method, self.url + path, json=content) as response:
            return response.status, await response.json()

    async def good(self, method: str, path: str, **body: Any) -> Any:
        """Call an endpoint that must succeed and return its answer."""
        status, answer = await self.call(method, path, **body)
        assert status < 300, answer
        return answer

    async def faults(self, **faults: Any) -> None:
        """Break or mend something."""
        await self.good("PUT", "/control/faults", **faults)

    async def ledger(self) -> list[dict[str, Any]]:
        """Read the whole ledger."""
        return list(await self.good("GET", "/control/ledger"))

    async def link(self, tab: Tab, number: str) -> None:
        """Scan what a tab shows and wait until it is linked."""
        await self.good("POST", "/control/phones", number=number)
        await self.good("POST", f"/control/phones/{number}/scan", code=await tab.code())
        await tab.until_mode("MAIN")


@asynccontextmanager
async def open_tab(
    playwright: Playwright, url: str, profile: Path, *, user_agent: str = USER_AGENT
) -> AsyncIterator[Tab]:
    """Give a tab of a browser with this profile; the browser is closed cleanly afterwards."""
    context = await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=CHROMIUM,
        args=["--no-sandbox", f"--user-agent={user_agent}"],
    )
    try:
        await context.add_init_script(BEFORE + WA_JS.read_text(encoding="utf-8") + AFTER)
        tab = Tab(context.pages[0], url, [])
        tab.page.on("pageerror", lambda error: tab.complaints.append(error.message))
        yield tab
    finally:
        await context.close()


@dataclass
class World:
    """A simulated WhatsApp Web, a hand on it, and browsers to visit it with."""

    web: WhatsAppWeb
    hand: Hand
    playwright: Playwright
    folder: Path

    def tab(
        self, profile: str = "profile", *, user_agent: str = USER_AGENT
    ) -> AbstractAsyncContextManager[Tab]:
        """Give a tab of a browser with this profile."""
        folder = self.folder / profile
        return open_tab(self.playwright, self.web.url, folder, user_agent=user_agent)

    @asynccontextmanager
    async def linked(self, number: str, profile: str = "profile") -> AsyncIterator[Tab]:
        """Give a tab that is linked to a number."""
        async with self.tab(profile) as tab:
            await tab.open()
            await self.hand.link(tab, number)
            yield tab


@asynccontextmanager
async def small_world(folder: Path, playwright: Playwright) -> AsyncIterator[World]:
    """Start the service, with a synchronisation and reconnects that take no time."""
    async with whatsapp_web(folder / "service") as web, _world(web, playwright, folder) as world:
        yield world


@asynccontextmanager
async def lasting_world(folder: Path, playwright: Playwright) -> AsyncIterator[World]:
    """Do the same for many tests."""
    with whatsapp_web_beside(folder / "service") as web:
        async with _world(web, playwright, folder) as world:
            yield world


@asynccontextmanager
async def _world(web: WhatsAppWeb, playwright: Playwright, folder: Path) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as session:
        hand = Hand(session, web.url)
        await hand.faults(**QUICK)
        yield World(web, hand, playwright, folder)
