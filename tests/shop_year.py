"""Make up a year of a shop: appointments, the messages about them, and what people wrote."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from business.model import Trigger
from sessions.common.ids import new_id

YEAR = timedelta(days=365)
ZONE = ZoneInfo("Asia/Jerusalem")
_OPENS, _HOURS = time(9), 9
_SERVICES = ("Haircut", "Colour", "Beard", "Consultation")
_SEED = 7
Document = tuple[str, dict[str, Any]]
"""A collection and a document of it."""
STRANGERS = tuple((f"{number:026d}", f"+97254{2_000_000 + number}") for number in range(400))
"""Ids and numbers of customers who are nobody's."""


@dataclass(frozen=True)
class ShopYear:
    """A year up to a moment, of an owner who has this connection (its record in MongoDB)."""

    owner: str
    connection: dict[str, Any]
    until: datetime
    appointments: int
    others: int = 0
    """Messages of campaigns."""
    customers: Sequence[tuple[str, str]] = STRANGERS
    """Whose appointments they are: ids and numbers."""

    def documents(self) -> Iterator[Document]:
        """Yield everything, in the order of time; the same each time, but for the ids."""
        chance = random.Random(_SEED)  # noqa: S311  nothing has to be secret
        for number in range(self.appointments):
            yield from self._appointment(chance, self._at(number, self.appointments))
        for number in range(self.others):
            at = self._at(number, self.others)
            _, phone = chance.choice(self.customers)
            yield self._message(chance, at, phone, "campaign", new_id(), "campaign")

    def _at(self, number: int, of: int) -> datetime:
        """Return a time of the year in the hours of the shop."""
        moment = (self.until - YEAR + YEAR * (number / of)).astimezone(ZONE)
        begins = datetime.combine(moment.date(), _OPENS, ZONE)
        within = timedelta(minutes=30 * (number % (2 * _HOURS)))
        return min(begins + within, self.until)

    def _appointment(self, chance: random.Random, starts: datetime) -> Iterator[Document]:
        subject, reminded = new_id(), chance.random() < 0.8
        customer, phone = chance.choice(self.customers)
        status = _status(chance, reminded)
        booked = starts - timedelta(days=chance.randint(1, 20))
        yield (
            "appointments",
            {
                "_id": subject,
                "owner": self.owner,
                "createdAt": booked,
                "customer": customer,
                "connectionId": self.connection["connectionId"],
                "service": chance.choice(_SERVICES),
                "startsAt": starts,
                "endsAt": starts + timedelta(minutes=30),
                "timeZone": str(ZONE),
                "status": status,
            },
        )
        yield self._message(chance, booked, phone, "booked", subject, Trigger.BOOKED)
        if reminded:
            before = starts - timedelta(days=1)
            trigger = Trigger.BEFORE_APPOINTMENT
            yield self._message(chance, before, phone, "reminder", subject, trigger)
        if status == "confirmed" or chance.random() < 0.4:
            yield self._received(chance, starts - timedelta(hours=20), phone)
        if status == "completed":
            after = starts + timedelta(days=1)
            yield self._message(chance, after, phone, "thanks", subject, Trigger.AFTER_APPOINTMENT)

    def _message(
        self,
        chance: random.Random,
        at: datetime,
        phone: str,
        origin: str,
        subject: str,
        trigger: str,
    ) -> Document:
        (status,) = chance.choices(
            ("read", "delivered", "sent", "failed", "cancelled"), (74, 18, 3, 3, 2)
        )
        to = f"{phone[1:]}@c.us"
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

    def _received(self, chance: random.Random, at: datetime, phone: str) -> Document:
        chat, name = f"{phone[1:]}@c.us", new_id()
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
                "fromNumber": phone,
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


def _status(chance: random.Random, reminded: bool) -> str:
    """Return how an appointment has ended: whom nobody has reminded stays away more often."""
    weights = (78, 8, 10, 4) if reminded else (66, 4, 8, 22)
    return chance.choices(("completed", "confirmed", "cancelled", "no_show"), weights)[0]
