"""Erase a customer: name, number, texts and consents everywhere; counts of appointments stay.

What is to come is cancelled: nobody would come, and others wait for the place.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from business.appointments import Appointments
from business.errors import NotThereError, WrongStateOfRecordError
from business.events import Events
from business.model import AppointmentStatus, Customer, RegistrationStatus
from business.plans import Plans
from business.states import LIVE
from business.store import changing
from business.stores import Stores
from sessions.recipients.address import parse_recipient

if TYPE_CHECKING:
    from sessions.deletion.recipients import Erasures

_NOBODY = {"notes": "", "planned": []}


class CustomerErasure:
    """Erase customers. One that was begun is completed after a crash."""

    def __init__(
        self,
        stores: Stores,
        plans: Plans,
        appointments: Appointments,
        events: Events,
        erasures: Erasures,
        now: Callable[[], datetime],
    ) -> None:
        self._stores = stores
        self._plans = plans
        self._appointments = appointments
        self._events = events
        self._erasures = erasures
        self._now = now

    async def erase(self, customer: Customer) -> None:
        """Erase a customer and all messages to their number; raise STORE_DOWN or STREAM_DOWN.

        From the first write on nobody sees the customer, and nothing is sent to them.
        """
        update = changing({"erasing": True})
        await self._stores.customers.change(customer.owner, customer.id, update)
        await self._complete(customer)

    async def forget(self, owner: str | None, chat_id: str) -> None:
        """Erase what the business side knows of a number, of one owner or (None) of all."""
        number, _, server = chat_id.partition("@")
        if server != "c.us":
            return
        phone = f"+{number}"
        for each in await self._stores.customers.all(owner, {"phone": phone}):
            await self.erase(each)
        which = {"phone": phone, **({} if owner is None else {"owner": owner})}
        await self._stores.consents.collection.delete_many(which)
        await self._stores.subscribers.collection.delete_many(which)

    async def go_on(self) -> None:
        """Complete the erasures that a crash has interrupted."""
        for each in await self._stores.customers.all(None, {"erasing": True}):
            await self._complete(each)

    async def _complete(self, customer: Customer) -> None:
        owner, stores = customer.owner, self._stores
        phones = [customer.phone, *customer.former_phones]
        of_number = {"owner": owner, "phone": {"$in": phones}}
        await self._cancel_appointments(customer)
        await self._cancel_registrations(customer)
        # The consents first: planned messages stand on them.
        await stores.consents.collection.delete_many(of_number)
        await stores.subscribers.collection.delete_many(of_number)
        its = {"owner": owner, "customer": customer.id}
        for store in (stores.appointments, stores.registrations):
            for each in await store.all(owner, {"customer": customer.id}):
                await self._plans.withdraw_about(each.id)
        nothing = {"$set": _NOBODY, "$unset": {"location": True, "externalId": True}}
        await stores.appointments.collection.update_many(its, nothing)
        await self._plans.withdraw_about(customer.id)
        for phone in phones:
            await self._erasures.erase(owner, parse_recipient(phone).chat_id)
        await stores.customers.remove(owner, customer.id)

    async def _cancel_appointments(self, customer: Customer) -> None:
        coming = {"startsAt": {"$gt": self._now()}, "status": {"$in": [*LIVE]}}
        which = {"customer": customer.id, **coming}
        for each in await self._stores.appointments.all(customer.owner, which):
            # Somebody may have ended or deleted it just now.
            with suppress(WrongStateOfRecordError, NotThereError):
                await self._appointments.move(each, AppointmentStatus.CANCELLED)

    async def _cancel_registrations(self, customer: Customer) -> None:
        active = {"customer": customer.id, "status": {"$ne": RegistrationStatus.CANCELLED}}
        registrations = await self._stores.registrations.all(customer.owner, active)
        events = await self._stores.events.by_ids({each.event for each in registrations})
        for each in registrations:
            event = events.get(each.event)
            if event and event.cancelled_at is None and event.starts_at > self._now():
                await self._events.unregister(event, each)
