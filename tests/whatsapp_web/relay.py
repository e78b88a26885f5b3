"""Take messages from pages, answer them, deliver them and send the receipts back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.whatsapp_web.accounts import Account, Accounts
from tests.whatsapp_web.faults import FaultBook
from tests.whatsapp_web.ledger import Ledger
from tests.whatsapp_web.media import MediaStore
from tests.whatsapp_web.numbers import GROUP_SERVER, split_wid
from tests.whatsapp_web.rooms import Rooms
from tests.whatsapp_web.switchboard import Page, Switchboard

logger = logging.getLogger(__name__)

TIMELOCKED = 463
NEW_CHATS_CAPPED = 475
NO_SUCH_ACCOUNT = 404
NOT_A_MEMBER = 403
NO_SUCH_GROUP = 404


class RefusedError(Exception):
    """The service answers with an error code instead of an ack."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code


@dataclass(frozen=True)
class Outgoing:
    """One message as the page handed it over."""

    id: str
    to: str
    kind: str
    message: dict[str, Any]
    text: str | None
    media_id: str | None
    quoted: str | None


class Relay:
    """The middle of the service: every message between two accounts goes through here."""

    def __init__(
        self,
        accounts: Accounts,
        ledger: Ledger,
        rooms: Rooms,
        media: MediaStore,
        board: Switchboard,
        faults: FaultBook,
    ) -> None:
        self._accounts = accounts
        self._ledger = ledger
        self._rooms = rooms
        self._media = media
        self._board = board
        self._faults = faults
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, page: Page, sender: Account, outgoing: Outgoing) -> dict[str, Any]:
        """Take a message over and return the ack's content; RefusedError for a nack.

        A message that is on its way is no longer the page's: it is delivered even when the page
        dies before the ack. What `pendingOnly` holds back was never taken over.
        """
        await self._faults.until(sender.digits, lambda faults: not faults.pending_only)
        if page not in self._board.pages():
            raise ConnectionError("the page died while its message was held back")
        recipient = await self._recipient(sender, outgoing.to)
        await self._refuse_or_pass(sender, recipient)
        sha256 = await self._media.sha256(outgoing.media_id) if outgoing.media_id else None
        arrival = await self._ledger.arrive(
            *(sender.digits, outgoing.id, recipient, outgoing.text, sha256, outgoing.quoted)
        )
        faults = self._faults.of(sender.digits)
        await _pause(faults.send_delay_ms)
        if arrival.first and not await self._leads_nowhere(recipient):
            self._spawn(self._deliver(sender, recipient, outgoing))
        await _pause(faults.ack_delay_ms)
        return {"t": int(datetime.now(UTC).timestamp())}

    async def speak(self, sender: Account, recipient: Account, outgoing: Outgoing) -> None:
        """Let a phone that we hold say something to a linked number."""
        await self._ledger.arrive(
            sender.digits, outgoing.id, recipient.digits, outgoing.text, None, outgoing.quoted
        )
        await self._deliver(sender, recipient.digits, outgoing)

    async def read(self, reader: Account, chat: str, ids: list[str]) -> None:
        """Tell the senders that a page has read their messages."""
        if split_wid(chat)[1] == GROUP_SERVER or not self._faults.of(reader.digits).read_receipts:
            return
        for message_id in ids:
            sender = await self._ledger.sender_of(message_id, reader.digits)
            if sender is not None:
                await self._receipt(sender, reader, None, message_id, "read")

    async def close(self) -> None:
        """Stop delivering; what was accepted stays in the ledger."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _recipient(self, sender: Account, wid: str) -> str:
        if split_wid(wid)[1] == GROUP_SERVER:
            room = await self._rooms.room(wid)
            if room is None:
                raise RefusedError(NO_SUCH_GROUP)
            if sender.digits not in room.members:
                raise RefusedError(NOT_A_MEMBER)
            return wid
        account = await self._accounts.by_wid(wid)
        if account is None or not account.registered:
            raise RefusedError(NO_SUCH_ACCOUNT)
        return account.digits

    async def _leads_nowhere(self, recipient: str) -> bool:
        """Tell whether this is another spelling of an account's number: it is taken, and lost."""
        if split_wid(recipient)[1] == GROUP_SERVER:
            return False
        return (await self._accounts.account(recipient)).canonical is not None

    async def _refuse_or_pass(self, sender: Account, recipient: str) -> None:
        faults = self._faults.of(sender.digits)
        if self._faults.happens(faults.server_error_rate):
            raise RefusedError(faults.server_error_code)
        locked = self._faults.left(sender.digits, "timelock_seconds") > timedelta(0)
        if not locked and not faults.new_chats_capped:
            return
        if not await self._ledger.has_talked(sender.digits, recipient):
            raise RefusedError(TIMELOCKED if locked else NEW_CHATS_CAPPED)

    async def _deliver(self, sender: Account, recipient: str, outgoing: Outgoing) -> None:
        group = recipient if "@" in recipient else None
        room = await self._rooms.room(recipient) if group else None
        readers = [recipient] if room is None else sorted(room.members - {sender.digits})
        frame = self._inbound(sender, group, outgoing)
        await _pause(self._faults.of(sender.digits).delivery_delay_ms)
        for digits in readers:
            devices = await self._accounts.devices(digits)
            await self._board.deliver([device.id for device in devices], "message", **frame)
        await self._ledger.delivered(sender.digits, outgoing.id)
        for digits in readers:
            reader = await self._accounts.account(digits)
            self._spawn(self._acknowledge(sender, reader, group, outgoing.id))

    async def _acknowledge(
        self, sender: Account, reader: Account, group: str | None, message_id: str
    ) -> None:
        await self._faults.until(sender.digits, lambda faults: not faults.hold_acks)
        await self._receipt(sender.digits, reader, group, message_id, "delivery")
        await _pause(self._faults.of(sender.digits).read_delay_ms)
        await self._faults.until(sender.digits, lambda faults: not faults.hold_acks)
        if self._faults.of(sender.digits).read_receipts:
            await self._receipt(sender.digits, reader, group, message_id, "read")

    async def _receipt(
        self, sender: str, reader: Account, group: str | None, message_id: str, kind: str
    ) -> None:
        devices = await self._accounts.devices(sender)
        await self._board.deliver(
            [device.id for device in devices],
            "receipt",
            kind=kind,
            ids=[message_id],
            chat=group or reader.receipt_wid,
            participant=reader.lid_wid if group else None,
            t=int(datetime.now(UTC).timestamp()),
        )

    def _inbound(self, sender: Account, group: str | None, outgoing: Outgoing) -> dict[str, Any]:
        return {
            "id": outgoing.id,
            "chat": group or sender.chat_wid,
            "author": sender.lid_wid if group else None,
            "phone": sender.phone_wid,
            "lid": sender.lid_wid,
            "kind": outgoing.kind,
            "message": outgoing.message,
            "t": int(datetime.now(UTC).timestamp()),
        }

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="whatsapp-web-delivery")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a delivery failed", exc_info=error)


async def _pause(milliseconds: int) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / 1000)
