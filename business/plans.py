"""Keep the messages in the outbox as the records want them, after every change and every crash.

A change to a record raises its revision and marks it `dirty` in the same write. From then on no
message that was planned before goes out: the worker compares the revision just before it sends.
`settle` then plans anew and removes the mark, if nothing has changed meanwhile. A process that dies
in between leaves the mark, and another one settles the record. Each message has an id that follows
from what it is for, so all this can be done twice, and by two processes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from loguru import logger

from business.consents import ConsentBook
from business.errors import TemplateInvalidError, ValueMissingError
from business.model import (
    Agreement,
    Appointment,
    Automation,
    Customer,
    Source,
    Subject,
    Trigger,
)
from business.occasions import (
    Topic,
    of_appointment,
    of_customer,
    of_registration,
    of_subscriber,
)
from business.omissions import Omitted, omitted
from business.planner import HORIZON, Rules, Slot, is_wanted, next_look, slots, write
from business.ready_made import READY_TEMPLATES
from business.store import Store, changing
from business.stores import Stores
from sessions.common.errors import ConnectionNotFoundError, DomainError
from sessions.messages.model import Message
from sessions.messages.planned import PlannedMessage, PlannedMessages
from sessions.messages.quotas import QueueFullError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.connections.store import ConnectionStore

_AT_ONCE = 200
_TRY_AGAIN_AFTER = timedelta(minutes=1)
_SUBJECTS = {
    "appointments": (
        Trigger.BOOKED,
        Trigger.CONFIRMED,
        Trigger.RESCHEDULED,
        Trigger.CANCELLED,
        Trigger.NO_SHOW,
        Trigger.BEFORE_APPOINTMENT,
        Trigger.AFTER_APPOINTMENT,
    ),
    "registrations": (
        Trigger.EVENT_REGISTERED,
        Trigger.EVENT_CANCELLED,
        Trigger.BEFORE_EVENT,
        Trigger.AFTER_EVENT,
    ),
    "subscribers": (Trigger.SUBSCRIBER_CONFIRMED,),
    "customers": (Trigger.BIRTHDAY,),
}
"""The triggers for each kind of record that messages are about."""


class Plans:
    """Plan the messages of records that have changed."""

    def __init__(
        self,
        stores: Stores,
        consents: ConsentBook,
        messages: PlannedMessages,
        connections: ConnectionStore,
        now: Callable[[], datetime],
        default_zone: str,
    ) -> None:
        self._stores = stores
        self._consents = consents
        self._messages = messages
        self._connections = connections
        self._now = now
        self._default_zone = default_zone
        self._subjects: Sequence[Store[Any]] = (
            stores.appointments,
            stores.registrations,
            stores.subscribers,
            stores.customers,
        )

    async def settle(self, owner: str) -> bool:
        """Plan what has changed of an owner; of very much, a part: return True if more is left."""
        await self._spread(owner)
        found = [
            (store, await store.all(owner, {"dirty": True}, limit=_AT_ONCE))
            for store in self._subjects
        ]
        # After the records: a rule that changes later than this marks its records once more.
        rules = await self._rules(owner)
        for store, records in found:
            for record in records:
                await self._settle(store, record, rules)
        return any(len(records) == _AT_ONCE for _, records in found)

    async def go_on(self) -> None:
        """Settle what a crash or a large change has left, and plan what is no longer far off."""
        await self._look_again()
        for owner in await self._unsettled():
            while await self.settle(owner):
                pass

    async def _look_again(self) -> None:
        near = {"lookAgainAt": {"$lte": self._now()}}
        for store in self._subjects:
            await store.collection.update_many(near, changing({"lookAgainAt": None}))

    async def _unsettled(self) -> list[str]:
        owners: set[str] = set()
        for store in self._stores.all:
            owners.update(await store.collection.distinct("owner", {"dirty": True}))
        return sorted(owners)

    async def _spread(self, owner: str) -> None:
        """Mark the records whose messages depend on something that has changed."""
        stores = self._stores
        for template in await self._dirty(stores.templates, owner):
            await stores.automations.touch(owner, {"template": template.id})
            await self._done(stores.templates, template)
        for automation in await self._dirty(stores.automations, owner):
            await self._spread_automation(automation)
            await self._done(stores.automations, automation)
        for consents in await self._dirty(stores.consents, owner):
            for store in (stores.customers, stores.subscribers):
                await store.touch(owner, {"phone": consents.phone})
            await self._done(stores.consents, consents)
        for customer in await self._dirty(stores.customers, owner):
            for of_customers in (stores.appointments, stores.registrations):
                await of_customers.touch(owner, {"customer": customer.id})
        for event in await self._dirty(stores.events, owner):
            await stores.registrations.touch(owner, {"event": event.id})
            await self._done(stores.events, event)

    async def _spread_automation(self, automation: Automation) -> None:
        """Mark what an automation may have messages for: what is to come, or waits already."""
        waiting = await self._messages.subjects_waiting(automation.id)
        now = self._now()
        owner, trigger = automation.owner, automation.trigger
        if trigger in _SUBJECTS["appointments"]:
            which: dict[str, Any] = {"endsAt": {"$gte": now}}
            await self._stores.appointments.touch(owner, which)
            await self._stores.appointments.touch(owner, {"_id": {"$in": waiting}, **_over(now)})
        elif trigger in _SUBJECTS["registrations"]:
            coming = await self._stores.events.all(owner, {"endsAt": {"$gte": now}})
            ids = [each.id for each in coming]
            of_events = {"$or": [{"event": {"$in": ids}}, {"_id": {"$in": waiting}}]}
            await self._stores.registrations.touch(owner, of_events)
        elif trigger in _SUBJECTS["customers"]:
            await self._stores.customers.touch(owner, {"attributes.birthday": {"$exists": True}})
        else:
            await self._stores.subscribers.touch(owner, {"_id": {"$in": waiting}})

    async def _dirty(self, store: Store[Any], owner: str) -> list[Any]:
        return await store.all(owner, {"dirty": True}, limit=_AT_ONCE)

    async def _done(self, store: Store[Any], record: Source) -> None:
        same = {"_id": record.id, "revision": record.revision}
        await store.collection.update_one(same, {"$set": {"dirty": False}})

    async def _rules(self, owner: str) -> Rules:
        stores = self._stores
        automations = await stores.automations.all(owner, {"enabled": True})
        templates = await stores.templates.by_ids({each.template for each in automations})
        connections = await self._connections.of_owner(owner)
        return Rules(
            tuple(automations),
            READY_TEMPLATES | {key: each for key, each in templates.items() if each.owner == owner},
            {each.connection_id: each for each in connections},
        )

    async def topic(self, store: Store[Any], record: Any) -> Topic | None:
        """Return what messages about a record need; None if its customer or event is gone."""
        if store is self._stores.subscribers:
            return of_subscriber(record, self._default_zone)
        if store is self._stores.customers:
            # Planning anything for a customer who is being erased would note their number again.
            return None if record.erasing else of_customer(record, self._default_zone, self._now())
        customer = await self._customer(record)
        if customer is None:
            return None
        if store is self._stores.appointments:
            return of_appointment(record, customer)
        event = await self._stores.events.first(record.owner, {"_id": record.event})
        return None if event is None else of_registration(record, event, customer)

    async def _customer(self, record: Any) -> Customer | None:
        found = await self._stores.customers.first(record.owner, {"_id": record.customer})
        return None if found is None or found.erasing else found

    async def preview(
        self, store: Store[Any], record: Any, automation: Automation
    ) -> list[tuple[Slot, PlannedMessage | DomainError]]:
        """Return what an automation would send for a record, as if it were enabled."""
        topic = await self.topic(store, record)
        if topic is None:
            return []
        now = self._now()
        rules = await self._rules(record.owner)
        templates = await self._stores.templates.by_ids([automation.template])
        alone = automation.model_copy(update={"enabled_at": None})
        rules = Rules((alone,), {**rules.templates, **templates}, rules.connections)
        consents = await self._consents.of(record.owner, topic.phone, now)
        found: list[tuple[Slot, PlannedMessage | DomainError]] = []
        for slot in slots(topic, rules):
            if consents.allow(automation.purpose) and is_wanted(slot, None, now):
                try:
                    found.append((slot, write(slot, topic, rules, consents, now)))
                except (TemplateInvalidError, ValueMissingError) as error:
                    found.append((slot, error))
        return found

    async def _settle(self, store: Store[Any], record: Subject, rules: Rules) -> None:
        """Store, change and withdraw the messages about a record, then remove its mark."""
        now = self._now()
        topic = await self.topic(store, record)
        found = [] if topic is None else list(slots(topic, rules))
        known = await self._messages.known([each.id for each in found])
        wanted, refused = await self._wanted(topic, found, known, rules, now)
        failed = await self._lay_down(record, found, wanted, known)
        keep = [each.id for each in wanted]
        # By origin: answers to replies are about the record, too, and are not ours to take back.
        ours = {"plan.subject": record.id, "plan.trigger": {"$in": list(Trigger)}}
        if refused:
            refused_ones = {**ours, "_id": {"$in": refused}}
            await self._messages.withdraw(refused_ones, opted_out=True, up_to=record.revision)
        await self._messages.withdraw({**ours, "_id": {"$nin": keep}}, up_to=record.revision)
        look = now + _TRY_AGAIN_AFTER if failed else next_look(found, now)
        changes = {"dirty": False, **({"lookAgainAt": look} if look else {})}
        update: dict[str, Any] = {"$set": changes}
        if keep and not failed:
            update["$addToSet"] = {"planned": {"$each": keep}}
        await store.collection.update_one({"_id": record.id, "revision": record.revision}, update)

    async def _wanted(
        self,
        topic: Topic | None,
        found: Sequence[Slot],
        known: dict[str, Message],
        rules: Rules,
        now: datetime,
    ) -> tuple[list[PlannedMessage], list[str]]:
        """Return the messages that are to go, and the ids of those that their person refuses."""
        wanted: list[PlannedMessage] = []
        refused: list[str] = []
        if topic is None or not found:
            return wanted, refused
        consents = await self._consents.of(topic.record.owner, topic.phone, now)
        for slot in found:
            purpose = slot.automation.purpose
            if not consents.allow(purpose):
                refused += [slot.id] if consents.state(purpose) is Agreement.OUT else []
            elif slot.due <= now + HORIZON and is_wanted(slot, known.get(slot.id), now):
                try:
                    wanted.append(write(slot, topic, rules, consents, now))
                except (TemplateInvalidError, ValueMissingError) as error:
                    await self._note(slot.automation, topic.record.id, error)
        return wanted, refused

    async def _lay_down(
        self,
        record: Subject,
        found: Sequence[Slot],
        wanted: Sequence[PlannedMessage],
        known: dict[str, Message],
    ) -> bool:
        """Store the new ones of the wanted messages and change the others; tell if any failed."""
        failed = False
        by_id = {each.id: each for each in found}
        new = [each for each in wanted if each.id not in known and each.id not in record.planned]
        for message in new:
            slot = by_id[message.id]
            try:
                await self._messages.add(record.owner, slot.connection_id, [message])
            except (ConnectionNotFoundError, QueueFullError) as error:
                failed = True
                await self._note(slot.automation, record.id, error)
        # Also the new ones: another process may have stored them by an older revision.
        await self._messages.revise(wanted)
        return failed

    async def _note(self, automation: Automation, subject: str, error: DomainError) -> None:
        """Record why an automation could not plan a message."""
        logger.warning("An automation cannot plan a message: {}", error.code)
        last = {
            "code": error.code,
            "detail": str(error),
            "at": self._now(),
            "subject": subject,
            "variable": getattr(error, "members", {}).get("variable"),
        }
        await self._stores.automations.collection.update_one(
            {"_id": automation.id}, {"$set": {"lastError": last}}
        )

    async def messages_about(self, records: Iterable[Subject]) -> dict[str, list[Message]]:
        """Return the messages about records, by the record's id."""
        by_subject: dict[str, list[Message]] = {}
        for each in await self._messages.about([record.id for record in records]):
            if each.plan is not None:
                by_subject.setdefault(each.plan.subject, []).append(each)
        return by_subject

    async def omitted(
        self,
        records: Sequence[Appointment],
        customers: Mapping[str, Customer],
        messages: Mapping[str, Sequence[Message]],
    ) -> dict[str, list[Omitted]]:
        """Return what automations do not send about appointments, and why, by their ids.

        `customers` are those of the appointments by id, `messages` those about each appointment.
        """
        phones = [each.phone for each in customers.values()]
        consents = await self._consents.of_all(None, phones)
        rules = {owner: await self._rules(owner) for owner in {each.owner for each in records}}
        found: dict[str, list[Omitted]] = {}
        for record in records:
            customer = customers.get(record.customer)
            if customer is None or customer.erasing:
                continue
            known = {each.id: each for each in messages.get(record.id, ())}
            agreed = consents.get((record.owner, customer.phone))
            topic = of_appointment(record, customer)
            found[record.id] = omitted(topic, rules[record.owner], agreed, known, self._now())
        return found

    async def withdraw_about(self, subject: str) -> None:
        """Take back what waits about a record that is gone."""
        await self._messages.withdraw({"plan.subject": subject})

    async def withdraw_from(self, origin: str) -> None:
        """Take back what an automation or a campaign has waiting."""
        await self._messages.withdraw({"plan.origin": origin})


def _over(now: datetime) -> dict[str, Any]:
    return {"endsAt": {"$lt": now}}
