"""Events and their registrations: places up to the capacity, then a waiting list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from business.errors import EventNotFoundError, ExistsError, RegistrationNotFoundError
from business.model import Event, Happening, Registration, RegistrationStatus, Trigger
from business.plans import Plans
from business.states import REGISTRATION, before
from business.store import Store, changing

NOT_CANCELLED: Mapping[str, Any] = {"cancelledAt": None}
_HAS_ROOM = {
    "$or": [
        {"$not": [{"$gt": ["$capacity", None]}]},
        {"$lt": [{"$size": {"$ifNull": ["$seats", []]}}, "$capacity"]},
    ]
}


class Events:
    """Events of all owners.

    Who has a place is decided by one write to the event (`seats`), so there are never too many. A
    registration follows it; after a crash, `go_on` does what is missing.
    """

    def __init__(
        self,
        events: Store[Event],
        registrations: Store[Registration],
        plans: Plans,
        now: Callable[[], datetime],
    ) -> None:
        self._events = events
        self._registrations = registrations
        self._plans = plans
        self._now = now

    async def find(self, owner: str | None, event_id: str) -> Event:
        """Return an event that was not cancelled; raise EventNotFoundError."""
        found = await self._events.find(owner, event_id)
        if found.cancelled_at is not None:
            raise EventNotFoundError(event_id)
        return found

    async def registration(self, event: Event, registration_id: str) -> Registration:
        """Return a registration for an event; raise RegistrationNotFoundError."""
        found = await self._registrations.find(event.owner, registration_id)
        if found.event != event.id:
            raise RegistrationNotFoundError(registration_id)
        return found

    async def edit(self, event: Event, changes: Mapping[str, Any]) -> Event:
        """Change an event; another time raises its version. Raises EventNotFoundError."""
        update = changing(changes)
        if changes.get("startsAt", event.starts_at) != event.starts_at:
            update["$inc"] = {**update["$inc"], "version": 1}
        changed = await self._events.change(event.owner, event.id, update, NOT_CANCELLED)
        if changed is None:
            raise EventNotFoundError(event.id)
        await self._fill(changed)
        await self._plans.settle(event.owner)
        return changed

    async def cancel(self, event: Event) -> None:
        """Cancel an event and all registrations for it; those who had a place may be told."""
        update = changing({"cancelledAt": self._now()})
        await self._events.change(event.owner, event.id, update, NOT_CANCELLED)
        await self._cancel_all(event)
        await self._plans.settle(event.owner)

    async def register(self, record: Registration) -> Registration:
        """Register a customer, who gets a place or waits for one.

        Raises ExistsError if they are registered already, and EventNotFoundError.
        """
        event = await self.find(record.owner, record.event)
        other = await self._registrations.first(
            record.owner,
            {
                "event": event.id,
                "customer": record.customer,
                "status": {"$ne": RegistrationStatus.CANCELLED},
                "_id": {"$ne": record.id},
            },
        )
        if other is not None:
            raise ExistsError("registration", other.id)
        # Of two requests at once, both of which have found nobody, the claim lets one in.
        claim = f"{record.event}:{record.customer}"
        stored = await self._registrations.add(record.model_copy(update={"claim": claim}))
        await self._fill(event)
        await self._plans.settle(record.owner)
        return await self._registrations.find(record.owner, stored.id)

    async def unregister(self, event: Event, record: Registration) -> None:
        """Cancel a registration; the next one who waits gets the place."""
        await self._registrations.change(
            record.owner,
            record.id,
            _ended(),
            {"status": {"$in": before(REGISTRATION, RegistrationStatus.CANCELLED)}},
        )
        await self._fill(event)
        await self._plans.settle(record.owner)

    async def go_on(self) -> None:
        """Do what a crash has left: places that nobody took, registrations of cancelled events."""
        waiting = await self._registrations.collection.distinct(
            "event", {"status": RegistrationStatus.WAITING}
        )
        for event in (await self._events.by_ids(map(str, waiting))).values():
            if event.cancelled_at is not None:
                await self._cancel_all(event)
            elif event.capacity is None or len(event.seats) < event.capacity:
                await self._fill(event)

    async def _fill(self, event: Event) -> None:
        """Give free places to those who wait, in the order in which they registered."""
        active = {"event": event.id, "status": {"$ne": RegistrationStatus.CANCELLED}}
        registered = await self._registrations.all(event.owner, active)
        await self._free(event, {each.id for each in registered})
        for each in registered:
            if not await self._seated(event, each.id):
                break
            if each.status is RegistrationStatus.WAITING:
                await self._tell_place(event, each)

    async def _free(self, event: Event, active: set[str]) -> None:
        """Free the places of registrations that were cancelled."""
        seats = (await self._events.find(event.owner, event.id)).seats
        for seat in set(seats) - active:
            ended = await self._registrations.first(event.owner, {"_id": seat})
            if ended is None or ended.status is RegistrationStatus.CANCELLED:
                await self._events.collection.update_one(
                    {"_id": event.id}, {"$pull": {"seats": seat}}
                )

    async def _seated(self, event: Event, registration: str) -> bool:
        """Take a place for a registration, in one write; tell whether it has one."""
        free = {"_id": event.id, "seats": {"$ne": registration}, "$expr": _HAS_ROOM}
        taken = await self._events.collection.update_one(free, {"$push": {"seats": registration}})
        if taken.modified_count:
            return True
        has = {"_id": event.id, "seats": registration}
        return await self._events.collection.find_one(has, {"_id": True}) is not None

    async def _tell_place(self, event: Event, record: Registration) -> None:
        happened = self._happening(Trigger.EVENT_REGISTERED, event.version)
        await self._registrations.change(
            record.owner,
            record.id,
            changing({"status": RegistrationStatus.REGISTERED}) | happened,
            {"status": {"$in": before(REGISTRATION, RegistrationStatus.REGISTERED)}},
        )

    async def _cancel_all(self, event: Event) -> None:
        had_place = {"event": event.id, "status": RegistrationStatus.REGISTERED}
        told = self._happening(Trigger.EVENT_CANCELLED, event.version)
        await self._registrations.collection.update_many(had_place, _ended() | told)
        waited = {"event": event.id, "status": RegistrationStatus.WAITING}
        await self._registrations.collection.update_many(waited, _ended())

    def _happening(self, trigger: Trigger, version: int) -> dict[str, Any]:
        happened = Happening(trigger=trigger, at=self._now(), version=version)
        return {"$push": {"happenings": happened.model_dump(by_alias=True)}}


def _ended() -> dict[str, Any]:
    """Return the update that cancels a registration."""
    return changing({"status": RegistrationStatus.CANCELLED, "claim": None})
