"""Subscribers: added, asked to confirm, and removed from lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from business.consents import ConsentBook
from business.errors import ExistsError, SubscriberNotFoundError
from business.model import (
    Agreement,
    Consents,
    Happening,
    Purpose,
    Subscriber,
    SubscriberStatus,
    Trigger,
)
from business.occasions import of_subscriber
from business.plans import Plans
from business.ready_made import CONFIRM_LIST
from business.states import SUBSCRIBER, before
from business.store import Store, changing, telling
from business.templates import render, text_in
from sessions.events.log import EventType
from sessions.messages.model import Ground, Plan
from sessions.messages.planned import PlannedMessage, PlannedMessages, planned_id
from sessions.outgoing_events import pending

TOLD = {
    SubscriberStatus.SUBSCRIBED: EventType.SUBSCRIBER_SUBSCRIBED,
    SubscriberStatus.UNSUBSCRIBED: EventType.SUBSCRIBER_UNSUBSCRIBED,
}
"""What webhooks are told of a move to a status."""
QUESTION = "subscriber.question"
"""The trigger of the message that asks a subscriber to confirm."""


def first_status(wanted: SubscriberStatus, *, refused: bool) -> SubscriberStatus:
    """Return the status with which a number comes to a list; `refused`: it has opted out.

    Such a number is unsubscribed, whoever adds it: only its own answer brings it back.
    """
    return SubscriberStatus.UNSUBSCRIBED if refused else wanted


class Subscribers:
    """The subscribers of all owners."""

    def __init__(
        self,
        store: Store[Subscriber],
        consents: ConsentBook,
        plans: Plans,
        messages: PlannedMessages,
        now: Callable[[], datetime],
        default_zone: str,
    ) -> None:
        self._store = store
        self._consents = consents
        self._plans = plans
        self._messages = messages
        self._now = now
        self._default_zone = default_zone

    async def add(self, subscriber: Subscriber, how: str, ask_by: str | None = None) -> Subscriber:
        """Store a subscriber; raise ExistsError if the number is on the list.

        With `ask_by`, a connection, they are asked to confirm, and get nothing until they do.
        Without it they have agreed already.
        """
        owner, phone = subscriber.owner, subscriber.phone
        same = {"phone": phone, "list": subscriber.list}
        other = await self._store.first(owner, same)
        if other is not None and other.id != subscriber.id:
            raise ExistsError("subscriber", other.id)
        now = self._now()
        consents = await self._consents.of(owner, phone, now)
        refused = consents.state(Purpose.MARKETING) is Agreement.OUT
        wanted = SubscriberStatus.UNCONFIRMED if ask_by else SubscriberStatus.SUBSCRIBED
        status = first_status(wanted, refused=refused)
        if status is SubscriberStatus.SUBSCRIBED:
            await self._consents.record(owner, phone, {Purpose.MARKETING: Agreement.IN}, how, now)
        record = subscriber.model_copy(update={"status": status})
        told = pending.first(TOLD[status], now, {"status": status}) if status in TOLD else {}
        stored = await self._store.add(record, told)
        if stored.status is SubscriberStatus.UNCONFIRMED and ask_by:
            await self._ask(stored, ask_by, consents)
        await self._plans.settle(owner)
        return stored

    async def change(self, found: Subscriber, changes: Mapping[str, Any]) -> Subscriber:
        """Change a subscriber; raise SubscriberNotFoundError."""
        update: dict[str, Any] | list[dict[str, Any]] = changing(changes)
        status = changes.get("status", found.status)
        if status != found.status:
            update = telling(changing(changes), TOLD[status], {"status": status})
        changed = await self._store.change(found.owner, found.id, update)
        if changed is None:
            raise SubscriberNotFoundError(found.id)
        await self._plans.settle(found.owner)
        return changed

    async def remove(self, found: Subscriber) -> None:
        """Remove a subscriber and take back what waits for them."""
        await self._store.remove(found.owner, found.id)
        await self._plans.withdraw_about(found.id)

    async def confirm(self, owner: str, phones: Sequence[str], evidence: str) -> None:
        """Confirm the subscriptions of a number, in all its forms, that wait for it."""
        waiting = {"phone": {"$in": phones}, "status": SubscriberStatus.UNCONFIRMED}
        agreed = {Purpose.MARKETING: Agreement.IN}
        for each in await self._store.all(owner, waiting):
            await self._consents.record(owner, each.phone, agreed, "reply", self._now(), evidence)
            await self._move(each, SubscriberStatus.SUBSCRIBED)

    async def set_all(self, owner: str, phones: Sequence[str], status: SubscriberStatus) -> None:
        """Move the subscriptions of a number, in all its forms, to a status."""
        which = {"phone": {"$in": phones}, "status": {"$in": before(SUBSCRIBER, status)}}
        for each in await self._store.all(owner, which):
            await self._move(each, status)

    async def _move(self, found: Subscriber, to: SubscriberStatus) -> None:
        update = changing({"status": to})
        if (found.status, to) == (SubscriberStatus.UNCONFIRMED, SubscriberStatus.SUBSCRIBED):
            happened = Happening(trigger=Trigger.SUBSCRIBER_CONFIRMED, at=self._now(), version=1)
            update["$push"] = {"happenings": happened.model_dump(by_alias=True)}
        where = {"status": {"$in": before(SUBSCRIBER, to)}}
        told = telling(update, TOLD[to], {"status": to})
        await self._store.change(found.owner, found.id, told, where)

    async def _ask(self, subscriber: Subscriber, connection_id: str, consents: Consents) -> None:
        """Ask a subscriber to confirm, once; raise ConnectionNotFoundError or QueueFullError."""
        topic = of_subscriber(subscriber, self._default_zone)
        text, language = text_in(CONFIRM_LIST.texts, subscriber.language)
        unanswered = Ground(collection="consents", id=consents.id, revision=consents.revision)
        plan = Plan(
            origin=QUESTION,
            subject=subscriber.id,
            trigger=QUESTION,
            expects=CONFIRM_LIST.expects,
            revision=subscriber.revision,
            grounds=(unanswered,),
        )
        question = PlannedMessage(
            id=planned_id(subscriber.created_at, QUESTION, subscriber.id),
            to=subscriber.phone,
            text=render(text, topic.values, language, topic.zone),
            plan=plan,
        )
        await self._messages.add(subscriber.owner, connection_id, [question])
