"""The records of the business side."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from sessions.storage.record import Record


class Language(StrEnum):
    """A language in which messages are written."""

    HE = "he"
    EN = "en"


class Purpose(StrEnum):
    """What a message is for; people agree to each by itself."""

    REMINDER = "reminder"
    """Reminds of something that the person has booked."""
    SERVICE = "service"
    """Tells what has become of something that the person has booked or asked for."""
    MARKETING = "marketing"
    """Offers something."""


class Agreement(StrEnum):
    """Whether a person wants messages of a purpose."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


class Consent(Record):
    """One answer of a person: since when, how it came, and the message that proves it."""

    state: Agreement
    at: datetime
    how: str
    evidence: str | None = None


class Owned(Record):
    """A record of a provider."""

    id: str = Field(alias="_id")
    owner: str
    created_at: datetime


class Source(Owned):
    """A record that planned messages depend on: each change raises its revision.

    `dirty` is set in the same write, until the messages have been planned by it.
    """

    revision: int = 1
    dirty: bool = False


class Subject(Source):
    """A record that messages are about."""

    planned: tuple[str, ...] = ()
    """The ids of all messages that were ever planned for it: none is stored a second time."""
    look_again_at: datetime | None = None
    """When more has to be planned, since it was too far off."""


class Consents(Source):
    """What the person with a number has agreed to, at one provider."""

    phone: str
    consents: dict[Purpose, Consent] = Field(default_factory=dict)
    history: tuple[dict[str, Any], ...] = ()

    def state(self, purpose: Purpose) -> Agreement:
        """Return what was agreed for a purpose."""
        found = self.consents.get(purpose)
        return found.state if found else Agreement.UNKNOWN

    def allow(self, purpose: Purpose) -> bool:
        """Tell whether messages of a purpose may go.

        Marketing needs consent. Messages about what a person has booked go until they say no.
        """
        state = self.state(purpose)
        return state is Agreement.IN or (
            state is Agreement.UNKNOWN and purpose is not Purpose.MARKETING
        )


class Customer(Subject):
    """A person with a phone number; the name is empty until it is known."""

    name: str = ""
    phone: str
    language: Language = Language.HE
    time_zone: str | None = None
    tags: tuple[str, ...] = ()
    notes: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    """`birthday` (1990-05-17 or 05-17) is known to automations; the others are the provider's."""
    former_phones: tuple[str, ...] = ()
    """Earlier numbers, which are erased together with the customer."""
    erasing: bool = False


class AppointmentStatus(StrEnum):
    """Where an appointment is."""

    BOOKED = "booked"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class Happening(Record):
    """Something that happened to a record, which automations may answer once."""

    trigger: str
    at: datetime
    version: int


class Appointment(Subject):
    """A customer's time with a provider; `version` counts how often it was moved."""

    customer: str
    connection_id: str
    service: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    status: AppointmentStatus = AppointmentStatus.BOOKED
    version: int = 1
    location: str | None = None
    notes: str = ""
    external_id: str | None = None
    happenings: tuple[Happening, ...] = ()
    last_request: str | None = None
    """The request that changed its status last, so that repeating it is no error."""


class Event(Source):
    """A date that customers register for; `seats` are the registrations that have a place."""

    name: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    location: str | None = None
    capacity: int | None = None
    notes: str = ""
    version: int = 1
    """How often it was moved, from 1."""
    cancelled_at: datetime | None = None
    seats: tuple[str, ...] = ()


class RegistrationStatus(StrEnum):
    """Whether a registration has a place."""

    REGISTERED = "registered"
    WAITING = "waiting"
    CANCELLED = "cancelled"


class Registration(Subject):
    """A customer's registration for an event.

    `claim` is unique, and gone once it was cancelled: so nobody is registered twice.
    """

    event: str
    customer: str
    claim: str | None = None
    status: RegistrationStatus = RegistrationStatus.WAITING
    happenings: tuple[Happening, ...] = ()


class SubscriberStatus(StrEnum):
    """Whether a subscriber gets the messages of a list."""

    UNCONFIRMED = "unconfirmed"
    """Asked to confirm, and not answered yet."""
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"


class Subscriber(Subject):
    """A number that agreed to get messages of a list."""

    name: str = ""
    phone: str
    list: str
    language: Language = Language.HE
    time_zone: str | None = None
    status: SubscriberStatus = SubscriberStatus.SUBSCRIBED
    happenings: tuple[Happening, ...] = ()


class Expects(StrEnum):
    """What answer a template asks for."""

    CONFIRM = "confirm"


class Template(Source):
    """A text with variables, in one language or more."""

    name: str
    texts: dict[Language, str]
    expects: Expects | None = None


class Trigger(StrEnum):
    """When an automation sends."""

    BOOKED = "appointment.booked"
    CONFIRMED = "appointment.confirmed"
    RESCHEDULED = "appointment.rescheduled"
    CANCELLED = "appointment.cancelled"
    NO_SHOW = "appointment.no_show"
    BEFORE_APPOINTMENT = "before_appointment"
    AFTER_APPOINTMENT = "after_appointment"
    EVENT_REGISTERED = "event.registered"
    EVENT_CANCELLED = "event.cancelled"
    BEFORE_EVENT = "before_event"
    AFTER_EVENT = "after_event"
    SUBSCRIBER_CONFIRMED = "subscriber.confirmed"
    BIRTHDAY = "customer.birthday"

    @property
    def is_before(self) -> bool:
        """Whether the message goes before the time that it is about."""
        return self in (Trigger.BEFORE_APPOINTMENT, Trigger.BEFORE_EVENT)


class Conditions(Record):
    """For which records an automation works; an empty list means all."""

    services: tuple[str, ...] = ()
    statuses: tuple[AppointmentStatus, ...] = ()
    tags: tuple[str, ...] = ()


class LastError(Record):
    """Why a message of an automation could not be planned."""

    code: str
    detail: str
    at: datetime
    subject: str
    variable: str | None = None
    """The variable whose value is missing, or that does not exist."""


class Automation(Source):
    """A rule: when this happens, send that template."""

    name: str
    enabled: bool
    enabled_at: datetime | None = None
    """Since when it works: what ended before is none of its business."""
    trigger: Trigger
    offset: str | None = None
    delivery_hour: str | None = None
    template: str
    expects: Expects | None = None
    """What answer its messages ask for; None leaves that to the template."""
    purpose: Purpose
    connection_id: str
    conditions: Conditions = Conditions()
    last_error: LastError | None = None


class CampaignStatus(StrEnum):
    """Where a campaign is."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Campaign(Source):
    """One template to many subscribers; `mark` is the last one that was considered."""

    name: str
    template: str
    connection_id: str
    list: str
    send_at: datetime | None = None
    status: CampaignStatus = CampaignStatus.DRAFT
    reason: str | None = None
    mark: str = ""
    resumed_at: datetime | None = None
    eligible: int = 0
    skipped: dict[str, int] = Field(default_factory=dict)
    last_request: str | None = None
