"""Take messages from pages, answer them, deliver them and send the receipts back."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.whatsapp_web.accounts import Account, Accounts
from tests.whatsapp_web.faults import FaultBook
from tests.whatsapp_web.ledger import Arrival, Kept, Ledger
from tests.whatsapp_web.media import MediaStore
from tests.whatsapp_web.numbers import GROUP_SERVER, split_wid
from tests.whatsapp_web.outgoing import Outgoing
from tests.whatsapp_web.rooms import Rooms
from tests.whatsapp_web.switchboard import Page, Switchboard

logger = logging.getLogger(__name__)

TIMELOCKED = 463
NEW_CHATS_CAPPED = 475
NO_SUCH_ACCOUNT = 404
NOT_A_MEMBER = 403
NO_SUCH_GROUP = 404
NO_SUCH_MESSAGE = 404
NOT_OWN = 403


class RefusedError(Exception):
    """The service answers with an error code instead of an ack."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code


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
        self._holds = itertools.count(1)
        self._held: dict[int, tuple[Page, str]] = {}

    def held_back(self) -> list[dict[str, Any]]:
        """List what is held back for connected pages, each with a number of its own."""
        pages = self._board.pages()
        return [
            {"number": number, "id": message_id}
            for number, (page, message_id) in self._held.items()
            if page in pages
        ]

    async def accept(self, page: Page, sender: Account, outgoing: Outgoing) -> dict[str, Any]:
        """Take a message over and return the ack's content; RefusedError for a nack.

        A message that is on its way is no longer the page's: it is delivered even when the page
        dies before the ack. What `pendingOnly` holds back was never taken over.
        """
        await self._hold_back(page, sender, outgoing)
        if page not in self._board.pages():
            raise ConnectionError("the page died while its message was held back")
        recipient = await self._recipient(sender, outgoing.to)
        await self._refuse_or_pass(sender, recipient)
        if outgoing.change is not None:
            await self.change(sender, outgoing)
            return {"t": _now()}
        arrival = await self._arrive(sender, recipient, outgoing)
        faults = self._faults.of(sender.digits)
        await _pause(faults.send_delay_ms)
        if arrival.first and not await self._leads_nowhere(recipient):
            self._spawn(self._deliver(sender, recipient, outgoing))
        await _pause(faults.ack_delay_ms)
        return {"t": _now()}

    async def _hold_back(self, page: Page, sender: Account, outgoing: Outgoing) -> None:
        number, poll = next(self._holds), outgoing.type == "poll_creation"
        self._held[number] = (page, outgoing.id)
        try:
            await self._faults.until(
                sender.digits,
                lambda faults: not faults.pending_only and (faults.polls_arrive or not poll),
            )
        finally:
            del self._held[number]

    async def speak(self, sender: Account, recipient: str, outgoing: Outgoing) -> None:
        """Let a phone that we hold say something to a linked number or in a group."""
        await self._arrive(sender, recipient, outgoing)
        await self._deliver(sender, recipient, outgoing)

    async def known(self, account: Account, message_id: str) -> Kept | None:
        """Return a message that an account has sent or got."""
        rooms = [room.id for room in await self._rooms.rooms_of(account.digits)]
        return await self._ledger.find(message_id, [account.digits, *rooms])

    async def change(self, actor: Account, outgoing: Outgoing) -> None:
        """Let somebody react to a message, edit it or revoke it, and tell whom it concerns.

        RefusedError for a message that the actor does not have, or may not change.
        """
        kept = await self.known(actor, outgoing.target)
        if kept is None:
            raise RefusedError(NO_SUCH_MESSAGE)
        kind = str(outgoing.change)
        if kind in ("edit", "revoke") and kept.sender != actor.digits:
            raise RefusedError(NOT_OWN)
        await self._ledger.change(kept, actor.digits, kind, outgoing.value)
        self._spawn(self._tell_change(actor, kept, outgoing))

    async def _tell_change(self, actor: Account, kept: Kept, outgoing: Outgoing) -> None:
        group = kept.recipient if "@" in kept.recipient else None
        room = await self._rooms.room(group) if group else None
        parties = {kept.sender, kept.recipient} if room is None else room.members
        author = await self._accounts.account(kept.sender)
        await _pause(self._faults.of(actor.digits).delivery_delay_ms)
        for reader in sorted(parties - {actor.digits}):
            mine = reader == kept.sender
            target = {"id": kept.id, "mine": mine, "author": author.lid_wid}
            aimed = replace(outgoing, message={**outgoing.message, "target": target})
            await self._give(reader, self._inbound(actor, group, aimed))

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

    async def _arrive(self, sender: Account, recipient: str, outgoing: Outgoing) -> Arrival:
        sha256 = await self._media.sha256(outgoing.media_id) if outgoing.media_id else None
        return await self._ledger.arrive(sender.digits, recipient, outgoing, sha256)

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
            await self._hand_over(digits, frame)
        await self._ledger.delivered(sender.digits, outgoing.id)
        for digits in readers:
            reader = await self._accounts.account(digits)
            self._spawn(self._acknowledge(sender, reader, group, outgoing.id))

    async def _hand_over(self, reader: str, frame: dict[str, Any]) -> None:
        """Give a message to the devices of a number; `ciphertextMs`: first without its content."""
        later = self._faults.of(reader).ciphertext_ms
        if later:
            await self._give(reader, {**frame, "message": {"type": "ciphertext"}})
            self._spawn(self._give_later(reader, frame, later))
        else:
            await self._give(reader, frame)

    async def _give_later(self, reader: str, frame: dict[str, Any], milliseconds: int) -> None:
        await _pause(milliseconds)
        await self._give(reader, frame)

    async def _give(self, reader: str, frame: dict[str, Any]) -> None:
        devices = await self._accounts.devices(reader)
        await self._board.deliver([device.id for device in devices], "message", **frame)

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
            t=_now(),
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
            "t": _now(),
        }

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="whatsapp-web-delivery")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a delivery failed", exc_info=error)


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


async def _pause(milliseconds: int) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / 1000)
