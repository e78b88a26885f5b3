"""Make up a year of a shop: appointments, the messages about them, and what people wrote."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from business.model import Trigger
from sessions.common.ids import new_id

YEAR = timedelta(days=365)
ZONE = ZoneInfo("Asia/Jerusalem")
_CUSTOMERS = 400
_OPENS, _HOURS = time(9), 9
_SERVICES = ("Haircut", "Colour", "Beard", "Consultation")
_SEED = 7
Document = tuple[str, dict[str, Any]]
"""A collection and a document of it."""


@dataclass(frozen=True)
class ShopYear:
    """A year up to a moment, of an owner who has this connection (its record in MongoDB)."""

    owner: str
    connection: dict[str, Any]
    until: datetime
    appointments: int
    others: int = 0
    """Messages of campaigns."""

    def documents(self) -> Iterator[Document]:
        """Yield everything, in the order of time; the same each time, but for the ids."""
        chance = random.Random(_SEED)  # noqa: S311  nothing has to be secret
        for number in range(self.appointments):
            yield from self._appointment(chance, self._at(number, self.appointments))
        for number in range(self.others):
            at = self._at(number, self.others)
            yield self._message(chance, at, "campaign", new_id(), "campaign")

    def _at(self, number: int, of: int) -> datetime:
        """Return a time of the year in the hours of the shop."""
        moment = (self.until - YEAR + YEAR * (number / of)).astimezone(ZONE)
        begins = datetime.combine(moment.date(), _OPENS, ZONE)
        within = timedelta(minutes=30 * (number % (2 * _HOURS)))
        return min(begins + within, self.until)

    def _appointment(self, chance: random.Random, starts: datetime) -> Iterator[Document]:
        subject, reminded = new_id(), chance.random() < 0.8
        status = _status(chance, reminded)
        booked = starts - timedelta(days=chance.randint(1, 20))
        yield (
            "appointments",
            {
                "_id": subject,
                "owner": self.owner,
                "createdAt": booked,
                "customer": f"{chance.randrange(_CUSTOMERS):026d}",
                "connectionId": self.connection["connectionId"],
                "service": chance.choice(_SERVICES),
                "startsAt": starts,
                "endsAt": starts + timedelta(minutes=30),
                "timeZone": str(ZONE),
                "status": status,
            },
        )
        yield self._message(chance, booked, "booked", subject, Trigger.BOOKED)
        if reminded:
            before = starts - timedelta(days=1)
            yield self._message(chance, before, "reminder", subject, Trigger.BEFORE_APPOINTMENT)
        if status == "confirmed" or chance.random() < 0.4:
            yield self._received(chance, starts - timedelta(hours=20))
        if status == "completed":
            after = starts + timedelta(days=1)
            yield self._message(chance, after, "thanks", subject, Trigger.AFTER_APPOINTMENT)

    def _message(
        self, chance: random.Random, at: datetime, origin: str, subject: str, trigger: str
    ) -> Document:
        (status,) = chance.choices(
            ("read", "delivered", "sent", "failed", "cancelled"), (74, 18, 3, 3, 2)
        )
        to = self._chat(chance)
        times = {"queuedAt": at, "dueAt": at, "conversationAt": at, "statusAt": at}
        if status in ("read", "delivered", "sent"):
            times["sentAt"] = at + timedelta(seconds=chance.randint(1, 60))
        if status in ("read", "delivered"):
            times["deliveredAt"] = times["sentAt"] + timedelta(seconds=2)
        if status == "read":
            minutes = chance.lognormvariate(2.5, 1.2)
            times["readAt"] = times["sentAt"] + timedelta(minutes=minutes)
        # Without `endedAt`: what ended long ago would be forgotten.
        return (
            "messages",
            {
                "_id": new_id(),
                "owner": self.owner,
                "connection": self.connection["_id"],
                "connectionId": self.connection["connectionId"],
                "to": to,
                "conversation": to,
                "text": "A text about as long as most reminders are, with a date and a time.",
                "priority": 1,
                "seq": -1,
                "status": status,
                "attempts": 1,
                "generation": 1,
                "plan": {"origin": origin, "subject": subject, "trigger": str(trigger)},
                **times,
            },
        )

    def _received(self, chance: random.Random, at: datetime) -> Document:
        chat, name = self._chat(chance), new_id()
        return (
            "receivedMessages",
            {
                "_id": name,
                "owner": self.owner,
                "connection": self.connection["_id"],
                "connectionId": self.connection["connectionId"],
                "chatId": chat,
                "conversation": chat,
                "from": chat,
                "fromNumber": f"+{chat.partition('@')[0]}",
                "type": "text",
                "text": chance.choice(("1", "2", "תודה", "Thanks!")),
                "whatsappKey": f"false_{chat}_{name}",
                "bareId": name,
                "key": name,
                "at": at,
                "recordedAt": at,
                "fromHistory": False,
            },
        )

    @staticmethod
    def _chat(chance: random.Random) -> str:
        return f"97254{2_000_000 + chance.randrange(_CUSTOMERS)}@c.us"


def _status(chance: random.Random, reminded: bool) -> str:
    """Return how an appointment has ended: whom nobody has reminded stays away more often."""
    weights = (78, 8, 10, 4) if reminded else (66, 4, 8, 22)
    return chance.choices(("completed", "confirmed", "cancelled", "no_show"), weights)[0]
