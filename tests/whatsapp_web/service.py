"""Put the parts of the simulated service together."""

from __future__ import annotations

from asyncio import WriteTransport
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.whatsapp_web.accounts import Accounts
from tests.whatsapp_web.database import Database
from tests.whatsapp_web.device_ops import DeviceRequests
from tests.whatsapp_web.faults import FaultBook, camel, for_page
from tests.whatsapp_web.ledger import Ledger
from tests.whatsapp_web.linking import LinkingRequests
from tests.whatsapp_web.login_ops import LoginRequests
from tests.whatsapp_web.media import MediaStore
from tests.whatsapp_web.numbers import e164
from tests.whatsapp_web.other_browser import OtherBrowser
from tests.whatsapp_web.page_socket import PageSocket
from tests.whatsapp_web.phones import Phones
from tests.whatsapp_web.relay import Relay
from tests.whatsapp_web.rooms import Rooms
from tests.whatsapp_web.switchboard import Switchboard

ONCE = {
    "hang": "hang",
    "crash": "crash",
    "line_dead": "line-dead",
    "hard_refresh": "hard-refresh",
    "logout_reason": "log-out",
}
"""What happens to a page once, and how the page is told."""
REFUSALS = ("ban_seconds", "login_failure")
"""Faults that are felt at the next login, so that pages that are in have to log in again."""


class Service:
    """WhatsApp, as far as a page can tell."""

    def __init__(self, data: Path) -> None:
        self._database = Database(data / "whatsapp-web.sqlite")
        self.faults = FaultBook()
        self.accounts = Accounts(self._database)
        self.ledger = Ledger(self._database)
        self.media = MediaStore(self._database)
        self.rooms = Rooms(self._database)
        self.board = Switchboard(self._database)
        self._linking = LinkingRequests()
        self.relay = Relay(
            self.accounts, self.ledger, self.rooms, self.media, self.board, self.faults
        )
        self.phones = Phones(self.accounts, self.rooms, self.media, self.relay)
        self.login = LoginRequests(
            self.accounts, self._linking, self.board, self.faults, self._revoke
        )
        self._device = DeviceRequests(
            self.accounts, self.relay, self.rooms, self.media, self.faults, self.groups_changed
        )
        self._sockets: set[PageSocket] = set()

    async def open(self) -> None:
        """Open the database."""
        await self._database.open()

    async def close(self) -> None:
        """Cut every page, finish, and close the database."""
        await self._end_all()
        await self.board.close()
        await self._database.close()

    async def serve_page(self, request: web.Request) -> web.StreamResponse:
        """Serve one page's WebSocket from its first frame to its end."""
        if self.faults.of(None).drop_network:
            return web.Response(status=503)
        ws = web.WebSocketResponse(heartbeat=20, max_msg_size=1 << 22)
        await ws.prepare(request)
        transport = request.transport if isinstance(request.transport, WriteTransport) else None
        socket = PageSocket(ws, transport, {**self.login.handlers, **self._device.handlers})
        self._sockets.add(socket)
        try:
            await socket.run()
        finally:
            await self.board.remove(socket)
            self._linking.forget(socket)
            self._sockets.discard(socket)
        return ws

    async def unlink(self, number: str, device_id: str | None) -> list[str]:
        """Unlink one or all devices of a number and tell their pages why."""
        gone = []
        for device in await self.accounts.devices(number):
            if device_id in (None, device.id):
                page = self.board.online(device.id)
                await self.accounts.unlink(device.id)
                gone.append(device.id)
                if page is not None:
                    page.device_id = page.proved = None
                    await page.push("unlinked")
        return gone

    async def _revoke(self, number: str) -> None:
        await self.unlink(number, None)

    async def put_faults(self, number: str | None, changes: Mapping[str, Any]) -> None:
        """Break or mend something, and let the pages that are connected feel it."""
        changed = self.faults.put(number, changes)
        for page in self.board.pages(number):
            faults = self.faults.of(page.number)
            if faults.drop_network or any(changed.get(name) for name in REFUSALS):
                await page.drop()
                continue
            await page.push("faults", faults=for_page(faults))
            for name, push in ONCE.items():
                if changed.get(name):
                    await page.push(push, value=changed[name])
        if changed.get("other_browser_takes_over"):
            await self._take_over(number)
        self.faults.put(number, dict.fromkeys(map(camel, (*ONCE, "other_browser_takes_over"))))

    async def _take_over(self, number: str | None) -> None:
        """Open each login of a number, or every login, in another browser."""
        for device in await self.accounts.devices(number):
            other = OtherBrowser(self.board, device.digits)
            await self.login.take_over(other, device.id)
            other.device_id = device.id
            self.board.add(other)

    async def groups_changed(self, numbers: Iterable[str]) -> None:
        """Let those whom a change of a group concerns know."""
        for number in numbers:
            for page in self.board.pages(number):
                await page.push("groups-changed")

    async def describe_devices(self) -> list[dict[str, Any]]:
        """List the linked devices and whether each is online."""
        return [
            {
                "device": device.id,
                "number": e164(device.digits),
                "name": device.name,
                "online": self.board.online(device.id) is not None,
            }
            for device in await self.accounts.devices()
        ]

    async def reset(self) -> None:
        """Forget everything; what was held back is not let through, but forgotten too."""
        await self._end_all()
        await self._database.wipe()
        await self._end_all()  # pages that came back meanwhile, with logins that are no more
        self.faults.clear()

    async def _end_all(self) -> None:
        """Cut every page, and end whatever is being done for it or was to come later."""
        await self._cut_all()
        for socket in list(self._sockets):
            await socket.cancel()
        await self.login.close()
        await self.relay.close()

    async def _cut_all(self) -> None:
        for page in self.board.pages():
            await page.drop()
        for socket in list(self._sockets):
            await socket.drop()
