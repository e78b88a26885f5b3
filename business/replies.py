"""Answers of customers: they confirm and cancel appointments, and end and begin subscriptions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from loguru import logger
from pydantic import Field

from business.answers import Answer, meaning
from business.appointments import Appointments
from business.campaigns import CAMPAIGN
from business.consents import ConsentBook
from business.errors import WrongStateOfRecordError
from business.model import (
    Agreement,
    Appointment,
    AppointmentStatus,
    Customer,
    Expects,
    Language,
    Purpose,
    Subscriber,
    SubscriberStatus,
    Template,
    Trigger,
)
from business.occasions import of_appointment, person
from business.plans import Plans
from business.ready_made import CANCELLED, CONFIRMED, OPTED_IN, OPTED_OUT
from business.stores import Stores
from business.subscribers import Subscribers
from business.templates import Values, render, text_in
from sessions.common.errors import ConnectionNotFoundError, DomainError
from sessions.common.ids import first_id
from sessions.common.number_forms import same_line
from sessions.conversations.model import COLLECTION, ReceivedType
from sessions.messages.model import MessageStatus, Plan, StoredText
from sessions.messages.planned import PlannedMessage, PlannedMessages, planned_id
from sessions.messages.quotas import QueueFullError
from sessions.messages.sealed_texts import TextKeyMissingError, TextSealer, TextUnreadableError
from sessions.messages.states import OUT
from sessions.recipients.address import parse_recipient
from sessions.storage.mongo import forget_after
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

REPLY = "reply"
"""The origin and trigger of messages that answer an answer."""
_OVERLAP = timedelta(minutes=10)
"""Messages are looked for again this long: several workers write them, with clocks of their own."""
_HANDLED_FOR = timedelta(days=1)
_AT_ONCE = 200
_MARK = "replies"
_ASKED = (*OUT, MessageStatus.UNKNOWN, MessageStatus.SENDING)


class _Received(Record):
    """What of a received message (`sessions.conversations.model`) is needed here."""

    id: str = Field(alias="_id")
    owner: str
    connection_id: str
    chat_id: str
    from_number: str | None = None
    type: str
    text: StoredText | None = None
    recorded_at: datetime
    from_history: bool = False

    @property
    def is_from_group(self) -> bool:
        """Whether it was written in a group."""
        return self.chat_id.endswith("@g.us")


@dataclass(frozen=True)
class _Reply:
    """A received message with its plain text and the number that wrote it."""

    message: _Received
    phone: str
    text: str

    @property
    def owner(self) -> str:
        """Whose connection has received it."""
        return self.message.owner

    @property
    def phones(self) -> list[str]:
        """All numbers that may be this one: in some countries, one account has two forms of it."""
        return sorted(same_line(self.phone))


class Replies:
    """Read new received messages from MongoDB, each at least once, and do what they ask for.

    Everything here can be done twice: a change names the message that asks for it, and answers
    have ids that follow from it. So a crash, or two processes at once, do no harm.
    """

    def __init__(
        self,
        database: Database,
        stores: Stores,
        consents: ConsentBook,
        plans: Plans,
        appointments: Appointments,
        subscribers: Subscribers,
        messages: PlannedMessages,
        texts: TextSealer,
        now: Callable[[], datetime],
    ) -> None:
        self._received: Collection = database[COLLECTION]
        self._handled: Collection = database["handledReplies"]
        self._marks: Collection = database["businessMarks"]
        self._stores = stores
        self._consents = consents
        self._plans = plans
        self._appointments = appointments
        self._subscribers = subscribers
        self._messages = messages
        self._texts = texts
        self._now = now

    async def prepare(self) -> None:
        """Create the index that forgets handled messages, and begin with messages from now on."""
        await forget_after(self._handled, "at", _HANDLED_FOR)
        await self._handled.create_index("unread", partialFilterExpression={"unread": True})
        begin = {"$setOnInsert": {"until": self._now()}}
        await self._marks.update_one({"_id": _MARK}, begin, upsert=True)

    async def go_on(self) -> None:
        """Handle the messages that have come since the last time."""
        mark = await self._marks.find_one({"_id": _MARK})
        began = self._now()
        since = first_id((mark or {"until": began})["until"] - _OVERLAP)
        async for received in self._new(since):
            try:
                await self._handle(received)
            except DomainError as error:
                # It would fail again, and those behind it must not wait for it.
                logger.error("An answer cannot be handled: {}", error)
            # A ciphertext is looked at again: its content may come later.
            unread = received.type == ReceivedType.CIPHERTEXT
            done = {"$set": {"at": self._now(), "unread": unread}}
            await self._handled.update_one({"_id": received.id}, done, upsert=True)
        await self._marks.update_one({"_id": _MARK}, {"$max": {"until": began}}, upsert=True)

    async def _new(self, since: str) -> AsyncIterator[_Received]:
        """Yield messages that were not handled yet, oldest first."""
        unread = [str(each["_id"]) async for each in self._handled.find({"unread": True})]
        readable = {"_id": {"$in": unread}, "type": {"$ne": ReceivedType.CIPHERTEXT}}
        async for document in self._received.find(readable):
            yield _Received.model_validate(document)
        after = since
        while True:
            cursor = self._received.find(
                {"_id": {"$gt": after}}, {"_id": True}, sort=[("_id", 1)], limit=_AT_ONCE
            )
            ids = [str(each["_id"]) async for each in cursor]
            if not ids:
                return
            handled = self._handled.find({"_id": {"$in": ids}}, {"_id": True})
            known = {str(each["_id"]) async for each in handled}
            new = [each for each in ids if each not in known]
            async for document in self._received.find({"_id": {"$in": new}}, sort=[("_id", 1)]):
                yield _Received.model_validate(document)
            after = ids[-1]

    async def _handle(self, received: _Received) -> None:
        reply = self._read(received)
        if reply is None:
            return
        question = await self._open_question(reply)
        answer = meaning(reply.text, asked=question is not None)
        if answer in (Answer.STOP, Answer.STOP_ALL):
            await self._stop(reply, everything=answer is Answer.STOP_ALL)
        elif answer is Answer.START:
            await self._start(reply)
        elif answer is not None and isinstance(question, Appointment):
            await self._decide(reply, question, confirms=answer is Answer.CONFIRM)
        elif answer is not None:
            await self._decide_list(reply, confirms=answer is Answer.CONFIRM)

    def _read(self, received: _Received) -> _Reply | None:
        """Return a message as a reply; None if a person did not write it to us alone."""
        number = received.from_number
        if received.from_history or received.is_from_group or not received.text or not number:
            return None
        try:
            text = self._texts.open(received.text, received.id, "text")
        except (TextKeyMissingError, TextUnreadableError) as error:
            logger.error("A received message cannot be read: {}", error)
            return None
        return _Reply(received, number, text)

    async def _open_question(self, reply: _Reply) -> Appointment | Subscriber | None:
        """Return what was asked last of a number and is not answered yet, or only by this."""
        appointments = await self._unanswered(reply)
        waiting = {"phone": {"$in": reply.phones}, "status": SubscriberStatus.UNCONFIRMED}
        subscribers = await self._stores.subscribers.all(reply.owner, waiting)
        open_ones: dict[str, Appointment | Subscriber] = {}
        open_ones |= {each.id: each for each in appointments}
        open_ones |= {each.id: each for each in subscribers}
        asked = {
            each.sent_at or each.status_at or each.queued_at: open_ones[each.plan.subject]
            for each in await self._messages.about(list(open_ones))
            if each.plan is not None
            and each.plan.expects == Expects.CONFIRM
            and each.status in _ASKED
        }
        return asked[max(asked)] if asked else None

    async def _unanswered(self, reply: _Reply) -> list[Appointment]:
        customer = await self._customer(reply)
        if customer is None:
            return []
        its = {"customer": customer.id, "startsAt": {"$gt": self._now()}}
        # Decided by this very message, before a crash: it may still have to be answered.
        unanswered = [{"status": AppointmentStatus.BOOKED}, {"lastRequest": reply.message.id}]
        return await self._stores.appointments.all(reply.owner, {**its, "$or": unanswered})

    async def _customer(self, reply: _Reply) -> Customer | None:
        which = {"phone": {"$in": reply.phones}, "erasing": {"$ne": True}}
        return await self._stores.customers.first(reply.owner, which)

    async def _decide(self, reply: _Reply, question: Appointment, *, confirms: bool) -> None:
        """Confirm or cancel an appointment and tell its customer, once."""
        to = AppointmentStatus.CONFIRMED if confirms else AppointmentStatus.CANCELLED
        try:
            changed = await self._appointments.move(question, to, reply.message.id)
        except WrongStateOfRecordError as error:
            logger.info("An answer comes too late: {}", error)
            return
        trigger = Trigger.CONFIRMED if confirms else Trigger.CANCELLED
        customer = await self._customer(reply)
        if customer is not None and not await self._is_told(changed, trigger):
            topic = of_appointment(changed, customer)
            template = CONFIRMED if confirms else CANCELLED
            await self._tell(reply, template, topic.values, topic.language, topic.zone, changed.id)

    async def _is_told(self, appointment: Appointment, trigger: Trigger) -> bool:
        """Tell whether an automation answers: then our own answer would be the second one."""
        told = await self._messages.about([appointment.id])
        return any(
            each.plan is not None
            and each.plan.trigger == trigger
            and each.status is not MessageStatus.CANCELLED
            for each in told
        )

    async def _decide_list(self, reply: _Reply, *, confirms: bool) -> None:
        owner, phones = reply.owner, reply.phones
        if confirms:
            await self._subscribers.confirm(owner, phones, reply.message.id)
        else:
            await self._subscribers.set_all(owner, phones, SubscriberStatus.UNSUBSCRIBED)
        await self._plans.settle(owner)

    async def _stop(self, reply: _Reply, *, everything: bool) -> None:
        """Record an opt-out, take back what waits, and say so once."""
        owner, phones = reply.owner, reply.phones
        purposes = list(Purpose) if everything else [Purpose.MARKETING]
        is_new = await self._agree(reply, purposes, Agreement.OUT)
        await self._subscribers.set_all(owner, phones, SubscriberStatus.UNSUBSCRIBED)
        await self._plans.settle(owner)
        to = {"$in": [parse_recipient(each).chat_id for each in phones]}
        which: dict[str, Any] = {"owner": owner, "to": to, "plan.trigger": CAMPAIGN}
        await self._messages.withdraw(which, opted_out=True)
        if is_new:
            await self._say(reply, OPTED_OUT)

    async def _start(self, reply: _Reply) -> None:
        owner, phones = reply.owner, reply.phones
        is_new = await self._agree(reply, list(Purpose), Agreement.IN)
        await self._subscribers.confirm(owner, phones, reply.message.id)
        await self._subscribers.set_all(owner, phones, SubscriberStatus.SUBSCRIBED)
        await self._plans.settle(owner)
        if is_new:
            await self._say(reply, OPTED_IN)

    async def _agree(self, reply: _Reply, purposes: list[Purpose], state: Agreement) -> bool:
        """Record an answer; tell whether it is new, or was recorded by this same message."""
        owner, evidence = reply.owner, reply.message.id
        states, is_new = dict.fromkeys(purposes, state), False
        for phone in reply.phones:
            await self._consents.record(owner, phone, states, "reply", self._now(), evidence)
            known = await self._consents.of(owner, phone, self._now())
            is_new |= any(known.consents[each].evidence == evidence for each in purposes)
        return is_new

    async def _say(self, reply: _Reply, template: Template) -> None:
        customer = await self._customer(reply)
        language = customer.language if customer else _language_of(reply.text)
        values = {"customer": person("", reply.phone, {})}
        await self._tell(reply, template, values, language, "UTC", reply.message.id)

    async def _tell(
        self,
        reply: _Reply,
        template: Template,
        values: Values,
        language: Language,
        zone: str,
        subject: str,
    ) -> None:
        """Answer a reply over the connection that received it, once."""
        text, language = text_in(template.texts, language)
        answer = PlannedMessage(
            id=planned_id(reply.message.recorded_at, REPLY, reply.message.id),
            to=reply.phone,
            text=render(text, values, language, zone),
            plan=Plan(origin=REPLY, subject=subject, trigger=REPLY),
        )
        try:
            await self._messages.add(reply.owner, reply.message.connection_id, [answer])
        except (ConnectionNotFoundError, QueueFullError) as error:
            logger.warning("A reply cannot be answered: {}", error)


def _language_of(text: str) -> Language:
    """Return the language of a word that was understood."""
    return Language.EN if text.strip().isascii() else Language.HE
