"""The models of events and of registrations for them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    Field,
)

from business.model import (
    Customer,
    Event,
    Registration,
    RegistrationStatus,
)
from control_api.schemas.base import Answer, Body, Name, taken_away
from control_api.schemas.business.fields import (
    ChangedTimes,
    Id,
    Line,
    Notes,
    OrderedTimes,
    Time,
    Zone,
    named,
    viewed,
)
from sessions.common.json_values import WholeNumber, WrittenTimestamp


class NewEvent(OrderedTimes):
    """POST /api/events; without a capacity everybody gets a place."""

    name: Name
    starts_at: Time = Field(examples=["2040-01-31T18:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-01-31T20:00:00Z"])
    time_zone: Zone | None = None
    location: Line | None = None
    capacity: Annotated[WholeNumber, Field(ge=1, le=100_000)] | None = None
    notes: Notes | None = None


class EventChange(ChangedTimes):
    """PATCH /api/events/{id}: a smaller capacity takes no place from anybody.

    Null takes the capacity (everybody gets a place), the place or the notes away.
    """

    name: Name | None = None
    location: Line | None = None
    capacity: Annotated[WholeNumber, Field(ge=1, le=100_000)] | None = None
    notes: Notes | None = None

    def to_changes(self) -> dict[str, Any]:
        """Return the fields that change, as they are stored."""
        given = self.model_dump(exclude_none=True, by_alias=True)
        return given | taken_away(self, location=None, capacity=None, notes="")


class EventView(Answer):
    """An event; `registered` counts those who have a place."""

    id: str
    owner: str
    name: str
    starts_at: WrittenTimestamp
    ends_at: WrittenTimestamp
    time_zone: str
    location: str | None = None
    capacity: int | None = None
    notes: str
    registered: int
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, event: Event) -> EventView:
        """Show an event."""
        return viewed(cls, event, registered=len(event.seats))


class EventList(Answer):
    """A page of events, newest first."""

    items: list[EventView]
    cursor: str | None = None


class NewRegistration(Body):
    """POST /api/events/{id}/registrations."""

    customer: Id


class RegistrationView(Answer):
    """A registration for an event."""

    id: str
    event: str
    customer: str
    customer_name: str | None = None
    customer_phone: str | None = None
    status: RegistrationStatus
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, registration: Registration, customer: Customer | None) -> RegistrationView:
        """Show a registration, and who comes unless they were erased."""
        return viewed(cls, registration, **named(customer))


class RegistrationList(Answer):
    """A page of registrations, newest first."""

    items: list[RegistrationView]
    cursor: str | None = None
