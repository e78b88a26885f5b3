"""A profile, the page on it, and the workers that record it: without a browser, on real stores."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from chatgrow_worker.page.heard import HeardBatch
from chatgrow_worker.receiving.receiver import Receiver, ReceivingLimits
from chatgrow_worker.receiving.sweep import SweepLimits
from sessions.common.clock import utc_now
from sessions.common.errors import LeaseLostError
from tests.arrivals import FRIEND
from tests.received_table import ReceivedTable
from tests.stepping import AtStep

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.connections.model import Connection
    from tests.builders import Stores

LIMITS = ReceivingLimits(SweepLimits(retention=timedelta(days=90)))
_ROOM = 6
_AT_ONCE = 3


@dataclass
class ListeningPage(ReceivedTable):
    """A page that keeps what it tells in a small memory, as our script does."""

    epoch: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)
    serial: int = 0
    missed: bool = False

    def load(self) -> None:
        """Load the page anew: what was in its memory is gone."""
        self.epoch += 1
        self.items, self.serial, self.missed = [], 0, False

    def tell(self, item: dict[str, Any]) -> None:
        """Tell the worker of this at its next look, if there is room."""
        if len(self.items) >= _ROOM:
            self.missed = True
            return
        self.serial += 1
        self.items.append({**item, "serial": self.serial})

    def look(self, recorded: tuple[str, int] | None) -> HeardBatch:
        """Answer a look."""
        told, self.missed = self.missed, False
        if recorded is None:
            return HeardBatch(missed=told)
        known = recorded[1] if recorded[0] == str(self.epoch) else 0
        self.items = [each for each in self.items if each["serial"] > known]
        batch = self.items[:_AT_ONCE]
        return HeardBatch(items=batch, more=len(batch) < len(self.items), missed=told)


@dataclass
class Message:
    """What a message is to be in the end."""

    item: dict[str, Any]
    emoji: str | None = None

    @property
    def key(self) -> str:
        return str(self.item["key"])


@dataclass
class ReceivingWorld:
    """One connection; `expected` is what has to be recorded in the end."""

    stores: Stores
    connection: Connection
    lease: Lease
    begin: datetime
    page: ListeningPage = field(default_factory=ListeningPage)
    expected: dict[str, Message] = field(default_factory=dict)
    open: bool = True
    away: list[Any] = field(default_factory=list)
    """What WhatsApp keeps until the page is open again, as things to do."""
    saved: ReceivedTable = field(default_factory=ReceivedTable)
    clock: int = 0
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.receiver = self.new_receiver(self.lease)

    def new_receiver(self, lease: Lease) -> Receiver:
        stores = self.stores
        return Receiver(self.page, stores.inbox, stores.marks, lease, LIMITS, utc_now)

    def passes(self, seconds: int) -> int:
        """Let time pass, and return the time in seconds since 1970."""
        self.clock += seconds
        return int(self.begin.timestamp()) + self.clock

    def says(self, text: str | None, seconds: int) -> None:
        """Let somebody write a text, or (None) what cannot be read yet."""
        number = next(self.numbers)
        item: dict[str, Any] = {
            "kind": "message",
            "key": f"false_{FRIEND}_ID{number:04}",
            "sender": FRIEND,
            "at": self.passes(seconds),
            "type": "ciphertext" if text is None else "chat",
            "text": text,
        }
        self.expected[item["key"]] = Message(item)
        self._happens(item, lambda: self.page.add(item))

    def changes(self, message: Message, seconds: int, **facts: Any) -> None:
        """Change a message in its place: content that comes, or an edit or a revocation."""
        at = self.passes(seconds)
        facts = {name: at if value is ... else value for name, value in facts.items()}
        message.item = {**message.item, **facts}
        item = message.item
        kinds = {"revokedAt": "revocation", "editedAt": "edit"}
        kind = next((kinds[name] for name in kinds if name in facts), "message")
        told = item if kind == "message" else {**item, "kind": kind, "at": at}
        self._happens(told, lambda: self.page.change(message.key, **facts))

    def reacts(self, message: Message, emoji: str | None, seconds: int) -> None:
        """Let the friend react, or take that back."""
        message.emoji = emoji
        at = self.passes(seconds)
        item = {"kind": "reaction", "key": message.key, "sender": FRIEND, "emoji": emoji, "at": at}
        self._happens(item, lambda: self.page.reactions.update({(message.key, FRIEND): item}))

    def _happens(self, item: dict[str, Any], store: Any) -> None:
        if not self.open:
            self.away.append(store)
            return
        store()
        self.page.tell(item)

    def floods(self) -> None:
        """Bring all old messages into the page's memory, as if they were new."""
        for each in self.page.rows:
            self.page.tell(each.item)

    async def look(self, receiver: Receiver | None = None) -> None:
        """Look as a page session does, until nothing more is to be recorded."""
        if not self.open:
            await self.start()
        receiver = receiver or self.receiver
        more = True
        while more:
            batch = self.page.look(receiver.heard)
            more = await receiver.receive(str(self.page.epoch), batch)

    async def look_and_die(self, step: int) -> None:
        """Look, and be killed at the nth wait."""
        task = asyncio.create_task(AtStep(step, lambda: task.cancel()).run(self.look()))
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    def close(self) -> None:
        """Close the page: WhatsApp keeps what comes."""
        self.open = False

    async def start(self) -> None:
        """Start another worker, which opens the page."""
        await self.stores.database["connections"].update_one(
            {"_id": self.connection.id}, {"$set": {"lease": None}}
        )
        lease = await self.stores.leases().acquire(self.connection.id)
        assert lease is not None
        self.lease = lease
        self.page.load()
        for store in self.away:
            store()
        self.away, self.open = [], True
        self.receiver = self.new_receiver(lease)

    async def lose_rows(self, rows: int) -> None:
        """Kill a browser that had not written its last rows: their ids are used again."""
        await self.look()
        self.close()
        self.page.rows = self.page.rows[: len(self.page.rows) - rows]
        await self.start()

    async def late_look(self, former: Receiver) -> None:
        """Let a former owner look: it may record nothing."""
        before = await self.documents()
        with suppress(LeaseLostError):
            await self.look(former)
        assert await self.documents() == before

    async def restore(self) -> None:
        """Go on with the saved profile, which knows less than was recorded."""
        await self.look()
        self.close()
        self.page.rows, self.page.reactions = [*self.saved.rows], {**self.saved.reactions}
        await self.start()

    async def link_again(self) -> None:
        """Link the phone anew: the table begins again, and has no old messages."""
        await self.look()
        self.close()
        self.page.rows, self.page.reactions = [], {}
        await self.start()

    @property
    def known(self) -> list[str]:
        """The keys of the messages that the page still has."""
        return [each.item["key"] for each in self.page.rows]

    async def documents(self) -> list[dict[str, Any]]:
        found = self.stores.database["receivedMessages"].find(
            {"connection": self.connection.id}, sort=[("_id", 1)]
        )
        return [each async for each in found]
