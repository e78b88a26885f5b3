"""The models of appointments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
)

from business.model import (
    Appointment,
    AppointmentStatus,
    Customer,
    Trigger,
)
from business.omissions import Omission, Omitted
from business.states import moves_from
from control_api.schemas.base import Answer, Name, cursor_like, not_before, taken_away
from control_api.schemas.business.fields import (
    ChangedTimes,
    Id,
    Line,
    Notes,
    OrderedTimes,
    PageQuery,
    Time,
    Zone,
    named,
    viewed,
)
from sessions.common.json_values import WrittenTimestamp
from sessions.messages.fields import ConnectionId
from sessions.messages.model import Message, MessageStatus

Move = Literal["confirm", "cancel", "complete", "no-show", "reschedule"]


class MessageOfPlan(Answer):
    """A message that an automation has planned, and where it is."""

    message_id: str
    automation: str
    trigger: str
    status: MessageStatus
    reason: str | None = None
    due_at: WrittenTimestamp
    sent_at: WrittenTimestamp | None = None
    delivered_at: WrittenTimestamp | None = None
    read_at: WrittenTimestamp | None = None

    @classmethod
    def all_of(cls, messages: Iterable[Message]) -> list[MessageOfPlan]:
        """Show the planned ones of messages."""
        return [
            viewed(cls, each, message_id=each.id, automation=each.plan.origin,
                    trigger=each.plan.trigger)
            for each in sorted(messages, key=lambda message: message.due_at)
            if each.plan is not None and each.plan.trigger in list(Trigger)
        ]  # fmt: skip


class OmittedView(Answer):
    """A message that an automation does not send, when it would go, and why it does not."""

    automation: str
    trigger: str
    due_at: WrittenTimestamp
    reason: Omission

    @classmethod
    def of(cls, each: Omitted) -> OmittedView:
        """Show a message that is not sent."""
        automation = each.automation
        return cls(
            automation=automation.id, trigger=automation.trigger, due_at=each.due, reason=each.why
        )


class NewAppointment(OrderedTimes):
    """POST /api/appointments; without `endsAt` it takes an hour."""

    customer: Id
    connection_id: ConnectionId
    service: Name = Field(examples=["Haircut"])
    starts_at: Time = Field(examples=["2040-01-31T09:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-01-31T09:30:00Z"])
    time_zone: Zone | None = None
    location: Line | None = None
    notes: Notes | None = None
    external_id: Annotated[Line, Field(min_length=1)] | None = None


class AppointmentChange(ChangedTimes):
    """PATCH /api/appointments/{id}: another time is the same as `reschedule`.

    Null takes the place, the notes or `externalId` away.
    """

    service: Name | None = None
    location: Line | None = None
    notes: Notes | None = None
    external_id: Annotated[Line, Field(min_length=1)] | None = None

    def to_changes(self) -> dict[str, Any]:
        """Return the fields that change, as they are stored, but for the times."""
        given = self.model_dump(exclude_none=True, by_alias=True, exclude={"starts_at", "ends_at"})
        return given | taken_away(self, location=None, notes="", external_id=None)


class Reschedule(OrderedTimes):
    """POST …/reschedule; without `endsAt` it takes as long as before."""

    starts_at: Time = Field(examples=["2040-02-01T09:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-02-01T09:30:00Z"])


class AppointmentQuery(PageQuery):
    """GET /api/appointments, in the order of their times: `from` (inclusive), `to` (exclusive)."""

    since: Time | None = Field(None, alias="from")
    until: Annotated[Time, not_before("since", "from")] | None = Field(None, alias="to")
    status: AppointmentStatus | None = None
    customer: Id | None = None
    cursor: Annotated[str, cursor_like(r"^[0-9]{13}[0-9a-z]{26}$")] | None = None


class AppointmentView(Answer):
    """An appointment, the messages of automations about it, and those that are not sent."""

    id: str
    owner: str
    customer: str
    customer_name: str | None = None
    customer_phone: str | None = None
    connection_id: str
    service: str
    starts_at: WrittenTimestamp
    ends_at: WrittenTimestamp
    time_zone: str
    status: AppointmentStatus
    version: int
    location: str | None = None
    notes: str
    external_id: str | None = None
    created_at: WrittenTimestamp
    allowed_moves: list[Move]
    messages: list[MessageOfPlan]
    omitted: list[OmittedView]

    @classmethod
    def of(
        cls,
        appointment: Appointment,
        customer: Customer | None,
        messages: Iterable[Message],
        omitted: Iterable[Omitted],
    ) -> AppointmentView:
        """Show an appointment, and who comes unless they were erased."""
        return viewed(
            cls,
            appointment,
            **named(customer),
            allowed_moves=moves_from(appointment.status),
            messages=MessageOfPlan.all_of(messages),
            omitted=[OmittedView.of(each) for each in omitted],
        )


class AppointmentList(Answer):
    """A page of appointments in the order of their times."""

    items: list[AppointmentView]
    cursor: str | None = None
