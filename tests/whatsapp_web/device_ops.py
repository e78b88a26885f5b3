"""Serve what a logged-in page asks: who exists, sending, reading, groups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tests.whatsapp_web.accounts import Account, Accounts
from tests.whatsapp_web.faults import FaultBook
from tests.whatsapp_web.media import MediaStore
from tests.whatsapp_web.outgoing import as_outgoing
from tests.whatsapp_web.page_socket import DropConnection, Frame, OpError, PageSocket
from tests.whatsapp_web.relay import (
    NO_SUCH_GROUP,
    NOT_A_MEMBER,
    RefusedError,
    Relay,
)
from tests.whatsapp_web.rooms import Room, Rooms

TOO_MANY_QUESTIONS = 429
NO_SUCH_FILE = 404


class DeviceRequests:
    """What a linked device may do."""

    def __init__(
        self,
        accounts: Accounts,
        relay: Relay,
        rooms: Rooms,
        media: MediaStore,
        faults: FaultBook,
        groups_changed: Callable[[Iterable[str]], Awaitable[None]],
    ) -> None:
        self._accounts = accounts
        self._relay = relay
        self._rooms = rooms
        self._media = media
        self._faults = faults
        self._groups_changed = groups_changed
        self._telling: set[asyncio.Task[bool]] = set()
        self.handlers = {
            "ping": self.ping,
            "exists": self.exists,
            "contact": self.contact,
            "send": self.send,
            "read": self.read,
            "groups": self.groups,
            "group": self.group,
            "group-members": self.group_members,
            "media-retry": self.media_retry,
        }

    async def ping(self, page: PageSocket, frame: Frame) -> Any:
        """Answer, so that the page knows that the line is alive."""
        return None

    async def exists(self, page: PageSocket, frame: Frame) -> Any:
        """Tell whether an id is on WhatsApp, and as which account; null when it is not."""
        await self._me(page)
        asked = await self._accounts.by_wid(str(frame["wid"]))
        if asked is not None and asked.trouble == "statusCode":
            raise OpError(TOO_MANY_QUESTIONS, "rate-overlimit")
        return _described(await self._accounts.behind(str(frame["wid"])))

    async def contact(self, page: PageSocket, frame: Frame) -> Any:
        """Tell the ids of exactly this id, for a chat with it; null when it is not there."""
        await self._me(page)
        return _described(await self._accounts.by_wid(str(frame["wid"])))

    async def send(self, page: PageSocket, frame: Frame) -> Any:
        """Take one message over, or refuse it with a code."""
        me = await self._me(page)
        drop = self._faults.happens(self._faults.of(me.digits).drop_rate)
        if drop and self._faults.happens(0.5):
            raise DropConnection
        try:
            ack = await self._relay.accept(page, me, as_outgoing(frame))
        except RefusedError as error:
            raise OpError(error.code, "refused") from error
        if drop:
            raise DropConnection
        return ack

    async def read(self, page: PageSocket, frame: Frame) -> Any:
        """Pass read receipts on."""
        await self._relay.read(await self._me(page), str(frame["chat"]), list(frame["ids"]))

    async def groups(self, page: PageSocket, frame: Frame) -> Any:
        """List the groups that this number is in."""
        me = await self._me(page)
        rooms = await self._rooms.rooms_of(me.digits)
        return [await self._describe(room) for room in rooms]

    async def group(self, page: PageSocket, frame: Frame) -> Any:
        """Describe one group, to those who are in it."""
        me = await self._me(page)
        return await self._describe(await self._room(me, str(frame["id"])))

    async def _room(self, me: Account, room_id: str) -> Room:
        room = await self._rooms.room(room_id)
        if room is None:
            raise OpError(NO_SUCH_GROUP, "item-not-found")
        if me.digits not in room.members:
            raise OpError(NOT_A_MEMBER, "forbidden")
        return room

    async def group_members(self, page: PageSocket, frame: Frame) -> Any:
        """Let an admin change who is in a group; the page that did it is told later than others."""
        me = await self._me(page)
        room = await self._room(me, str(frame["id"]))
        if me.digits not in room.admins:
            raise OpError(NOT_A_MEMBER, "forbidden")
        added, removed = [await self._numbers(frame[name]) for name in ("add", "remove")]
        affected = await self._rooms.change(room.id, (room.members | added) - removed)
        await self._groups_changed(affected - {me.digits})
        wait = self._faults.of(me.digits).group_self_view_ms / 1000
        asyncio.get_running_loop().call_later(wait, self._tell_later, page)

    def _tell_later(self, page: PageSocket) -> None:
        task = asyncio.create_task(page.push("groups-changed"), name="whatsapp-web-own-view")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _numbers(self, wids: Iterable[str]) -> frozenset[str]:
        accounts = [await self._accounts.by_wid(wid) for wid in wids]
        return frozenset(account.digits for account in accounts if account is not None)

    async def media_retry(self, page: PageSocket, frame: Frame) -> Any:
        """Ask the sender's phone for an expired file once more."""
        me = await self._me(page)
        if self._faults.of(me.digits).media_gone:
            raise OpError(NO_SUCH_FILE, "not on the phone")
        self._media.upload_again(str(frame["path"]).rpartition("/")[2])

    async def _describe(self, room: Room) -> dict[str, Any]:
        members = [await self._accounts.account(number) for number in sorted(room.members)]
        return {
            "id": room.id,
            "subject": room.subject,
            "members": [
                {
                    "lid": member.lid_wid,
                    "phone": member.phone_wid,
                    "admin": member.digits in room.admins,
                }
                for member in members
            ],
        }

    async def _me(self, page: PageSocket) -> Account:
        if not page.proved or page.number is None:
            raise OpError(428, "not logged in")
        await asyncio.sleep(self._faults.of(page.number).latency_ms / 1000)
        return await self._accounts.account(page.number)


def _described(account: Account | None) -> dict[str, Any] | None:
    if account is None or not account.registered:
        return None
    return {
        "phone": account.phone_wid,
        "lid": account.lid_wid,
        "chat": account.chat_wid,
        "business": account.business,
        "trouble": account.trouble,
    }
