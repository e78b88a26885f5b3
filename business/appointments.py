"""Book, move and end appointments; each change plans the messages that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from business.errors import AppointmentNotFoundError, WrongStateOfRecordError
from business.model import Appointment, AppointmentStatus, Happening, Trigger
from business.plans import Plans
from business.states import APPOINTMENT, LIVE, before
from business.store import Store, changing, telling
from sessions.events.log import EventType
from sessions.outgoing_events import pending

if TYPE_CHECKING:
    from business.model import Customer

_TELLS = {
    AppointmentStatus.CONFIRMED: Trigger.CONFIRMED,
    AppointmentStatus.CANCELLED: Trigger.CANCELLED,
    AppointmentStatus.NO_SHOW: Trigger.NO_SHOW,
}
"""What automations answer."""
_EVENTS = {
    AppointmentStatus.BOOKED: EventType.APPOINTMENT_RESCHEDULED,
    AppointmentStatus.CONFIRMED: EventType.APPOINTMENT_CONFIRMED,
    AppointmentStatus.CANCELLED: EventType.APPOINTMENT_CANCELLED,
    AppointmentStatus.COMPLETED: EventType.APPOINTMENT_COMPLETED,
    AppointmentStatus.NO_SHOW: EventType.APPOINTMENT_NO_SHOW,
}
"""What webhooks are told of a move to a status."""
_KEPT_HAPPENINGS = 100


class Appointments:
    """The appointments of all owners."""

    def __init__(
        self, store: Store[Appointment], plans: Plans, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._plans = plans
        self._now = now

    async def book(self, appointment: Appointment) -> Appointment:
        """Store a new appointment and plan its messages; raise ExistsError for a known externalId.

        One that is stored under this id already is returned as it is.
        """
        booked = Happening(trigger=Trigger.BOOKED, at=self._now(), version=1)
        record = appointment.model_copy(update={"happenings": (booked,), "dirty": True})
        told = pending.first(EventType.APPOINTMENT_BOOKED, self._now(), _facts(record))
        stored = await self._store.add(record, told)
        await self._plans.settle(stored.owner)
        return await self._store.find(stored.owner, stored.id)

    async def move(
        self, found: Appointment, to: AppointmentStatus, request: str | None = None
    ) -> Appointment:
        """Move an appointment to a status; raise WrongStateOfRecordError, which changes nothing.

        `request` names the request that asks for it: repeating that one is no error.
        """
        update = changing({"status": to, "lastRequest": request})
        if to in _TELLS:
            update["$push"] = self._happened(_TELLS[to], found.version)
        after = found.model_copy(update={"status": to})
        return await self._move(found, after, update, request)

    async def reschedule(
        self,
        found: Appointment,
        starts_at: datetime,
        ends_at: datetime,
        request: str | None = None,
    ) -> Appointment:
        """Move an appointment to another time; raise WrongStateOfRecordError.

        Another end alone keeps the version: nobody is told or reminded of that again.
        """
        if starts_at == found.starts_at and found.status in LIVE:
            return (
                found if ends_at == found.ends_at else await self.edit(found, {"endsAt": ends_at})
            )
        to = AppointmentStatus.BOOKED
        times = {"startsAt": starts_at, "endsAt": ends_at, "status": to, "lastRequest": request}
        update = changing(times)
        update["$inc"] = {**update["$inc"], "version": 1}
        update["$push"] = self._happened(Trigger.RESCHEDULED, found.version + 1)
        version = found.version + 1
        moved = {"starts_at": starts_at, "ends_at": ends_at, "status": to, "version": version}
        return await self._move(found, found.model_copy(update=moved), update, request)

    async def _move(
        self,
        found: Appointment,
        after: Appointment,
        update: Mapping[str, Any],
        request: str | None,
    ) -> Appointment:
        """Write a move by the table of statuses, with the event that tells of it."""
        to = after.status
        # The version tells that nobody has moved it to another time since it was read.
        where = {"status": {"$in": before(APPOINTMENT, to)}, "version": found.version}
        told = telling(update, _EVENTS[to], _facts(after))
        return await self._done(found, to, request, await self._change(found, told, where))

    async def edit(self, found: Appointment, changes: Mapping[str, Any]) -> Appointment:
        """Change what an appointment says, but neither its time nor its status.

        Raises ExistsError for the externalId of another one.
        """
        changed = await self._change(found, changing(changes), {})
        if changed is None:
            raise AppointmentNotFoundError(found.id)
        return changed

    async def remove(self, found: Appointment) -> None:
        """Delete an appointment and take back what waits about it."""
        # First the record: without it, no message about it is sent.
        await self._store.remove(found.owner, found.id)
        await self._plans.withdraw_about(found.id)

    async def page(
        self,
        owner: str | None,
        which: Mapping[str, Any],
        since: datetime | None,
        until: datetime | None,
        cursor: str | None,
        limit: int,
    ) -> tuple[list[Appointment], str | None]:
        """Return appointments in the order of their times, and the cursor of the next page."""
        times = {
            **({"$gte": since} if since else {}),
            **({"$lt": until} if until else {}),
        }
        query: dict[str, Any] = {
            **which,
            **({"startsAt": times} if times else {}),
            **({"owner": owner} if owner is not None else {}),
        }
        if cursor:
            at, after = _place(cursor)
            query = {
                "$and": [query, {"$or": [_later(at), {"startsAt": at, "_id": {"$gt": after}}]}]
            }
        documents = self._store.collection.find(
            query, sort=[("startsAt", 1), ("_id", 1)], limit=limit + 1
        )
        found = [Appointment.model_validate(each) async for each in documents]
        return found[:limit], _cursor(found[limit - 1]) if len(found) > limit else None

    async def coming(self, owner: str, limit: int) -> list[Appointment]:
        """Return the next appointments that are to take place."""
        live = {"status": {"$in": list(LIVE)}}
        found, _ = await self.page(owner, live, self._now(), None, None, limit)
        return found

    def _happened(self, trigger: Trigger, version: int) -> dict[str, Any]:
        happened = Happening(trigger=trigger, at=self._now(), version=version)
        each = [happened.model_dump(by_alias=True)]
        return {"happenings": {"$each": each, "$slice": -_KEPT_HAPPENINGS}}

    async def _change(
        self,
        found: Appointment,
        update: Mapping[str, Any] | list[dict[str, Any]],
        where: Mapping[str, Any],
    ) -> Appointment | None:
        changed = await self._store.change(found.owner, found.id, update, where)
        if changed is not None:
            await self._plans.settle(found.owner)
        return changed

    async def _done(
        self,
        found: Appointment,
        to: AppointmentStatus,
        request: str | None,
        changed: Appointment | None,
    ) -> Appointment:
        if changed is not None:
            return changed
        present = await self._store.find(found.owner, found.id)
        if request is not None and present.last_request == request:
            return present
        raise WrongStateOfRecordError("appointment", present.status, to)


def new_appointment(
    record_id: str, customer: Customer, now: datetime, fields: Mapping[str, Any]
) -> Appointment:
    """Return a booked appointment of a customer, not stored yet."""
    return Appointment(
        id=record_id,
        owner=customer.owner,
        created_at=now,
        customer=customer.id,
        **fields,
    )


def _facts(appointment: Appointment) -> dict[str, Any]:
    """Return what an event says of an appointment that may change later."""
    return {
        "status": appointment.status,
        "version": appointment.version,
        "startsAt": appointment.starts_at,
        "endsAt": appointment.ends_at,
    }


def _cursor(last: Appointment) -> str:
    milliseconds = max(0, int(last.starts_at.timestamp() * 1000))
    return f"{milliseconds:013d}{last.id}"


def _place(cursor: str) -> tuple[datetime, str]:
    return datetime.fromtimestamp(int(cursor[:13]) / 1000, UTC), cursor[13:]


def _later(at: datetime) -> dict[str, Any]:
    return {"startsAt": {"$gt": at}}
