"""The models of the business side: customers, appointments, events, lists and what they send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from business.csv_files import Imported
from business.model import (
    Agreement,
    Appointment,
    AppointmentStatus,
    Automation,
    Campaign,
    CampaignStatus,
    Consents,
    Customer,
    Event,
    Expects,
    Language,
    Purpose,
    Registration,
    RegistrationStatus,
    Subscriber,
    SubscriberStatus,
    Template,
    Trigger,
)
from business.statistics import MessageCounts, Outcomes
from business.templates import LONGEST
from business.timing import OFFSET_PATTERN
from control_api.schemas.base import Answer, Body, Name, PhoneNumber
from control_api.schemas.messages import SendHeaders
from sessions.common.json_values import Timestamp, WholeNumber, WrittenTimestamp
from sessions.connections.pacing import ClockTime, TimeZone
from sessions.messages.acceptance import ConnectionId
from sessions.messages.model import Message, MessageStatus
from sessions.storage.record import Record

RequestHeaders = SendHeaders
"""The headers of a POST; the same key and request again make nothing a second time."""
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_LONGEST_TIME = timedelta(days=31)


def _in_our_time(moment: datetime) -> datetime:
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("Give a time from 2000 on and before 2200.")
    return moment


def _hour(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24
    return f"{value:02}:00" if whole else value


Time = Annotated[Timestamp, AfterValidator(_in_our_time)]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{26}$")]
TemplateId = Annotated[str, StringConstraints(pattern=r"^([0-9a-z]{26}|ready_[a-z0-9_]{1,40})$")]
Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f,;]{1,50}$")]
Tags = Annotated[list[Tag], Field(max_length=50)]
Notes = Annotated[str, StringConstraints(max_length=4000)]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,49}$")]
Attributes = Annotated[
    dict[AttributeName, Line], Field(max_length=50, examples=[{"birthday": "1990-05-17"}])
]
Offset = Annotated[str, StringConstraints(pattern=OFFSET_PATTERN), Field(examples=["24h"])]
DeliveryHour = Annotated[
    ClockTime,
    BeforeValidator(_hour),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
                {"type": "integer", "minimum": 0, "maximum": 23},
            ],
            "examples": ["18:00"],
        }
    ),
]
Searched = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{26}([0-9a-z]{13})?$")]
Wanted = Literal["in", "out"]
SomeText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
View = TypeVar("View", bound=Answer)


def _viewed(view: type[View], record: Record, **more: Any) -> View:
    """Show the fields of a record that a view has, and more."""
    return view.model_validate({**record.model_dump(), **more})


class PageQuery(Body):
    """A page of a list: `cursor` is what the page before it gave."""

    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ConsentWishes(Body):
    """What a person agrees to; what is left out stays as it is."""

    reminder: Wanted | None = None
    service: Wanted | None = None
    marketing: Wanted | None = None

    def to_states(self) -> dict[Purpose, Agreement]:
        """Return the answers by purpose."""
        given = self.model_dump(exclude_none=True)
        return {Purpose(purpose): Agreement(state) for purpose, state in given.items()}


class ConsentView(Answer):
    """What a person has agreed to for a purpose; `evidence` is the id of their message."""

    state: Agreement
    at: WrittenTimestamp | None = None
    how: str | None = None
    evidence: str | None = None


class _CustomerFields(Body):
    language: Language | None = None
    time_zone: TimeZone | None = None
    tags: Tags | None = None
    notes: Notes | None = None
    attributes: Attributes | None = None
    consents: ConsentWishes | None = None

    def to_changes(self) -> dict[str, Any]:
        """Return the fields that are given, as they are stored."""
        return self.model_dump(exclude_none=True, by_alias=True, exclude={"consents"})

    def to_states(self) -> dict[Purpose, Agreement]:
        """Return what the person agrees to."""
        return self.consents.to_states() if self.consents else {}


class NewCustomer(_CustomerFields):
    """POST /api/customers."""

    name: Name
    phone: PhoneNumber


class CustomerChange(_CustomerFields):
    """PATCH /api/customers/{id}: only the given fields change."""

    name: Name | None = None
    phone: PhoneNumber | None = None


class CustomerQuery(PageQuery):
    """GET /api/customers: `search` is a part of a name or of a number."""

    search: Searched | None = None
    tag: Tag | None = None


class CustomerView(Answer):
    """A customer."""

    id: str
    owner: str
    name: str
    phone: str
    language: Language
    time_zone: str | None = None
    tags: list[str]
    notes: str
    attributes: dict[str, str]
    consents: dict[Purpose, ConsentView]
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, customer: Customer, consents: Consents | None) -> CustomerView:
        """Show a customer with what they have agreed to."""
        known = consents.consents if consents else {}
        shown = {
            purpose: known[purpose].model_dump()
            if purpose in known
            else {"state": Agreement.UNKNOWN}
            for purpose in Purpose
        }
        return _viewed(cls, customer, consents=shown)


class CustomerList(Answer):
    """A page of customers, newest first."""

    items: list[CustomerView]
    cursor: str | None = None


class RefusedLine(Answer):
    """A line that was not stored, counted from 1 with the header, and why."""

    line: int
    reason: str


class ImportReport(Answer):
    """What an import has done."""

    created: int
    updated: int
    refused: list[RefusedLine]

    @classmethod
    def of(cls, imported: Imported) -> ImportReport:
        """Show the report of an import."""
        refused = [RefusedLine(line=each.line, reason=each.reason) for each in imported.refused]
        return cls(created=imported.created, updated=imported.updated, refused=refused)


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
            _viewed(cls, each, message_id=each.id, automation=each.plan.origin,
                    trigger=each.plan.trigger)
            for each in sorted(messages, key=lambda message: message.due_at)
            if each.plan is not None and each.plan.trigger in list(Trigger)
        ]  # fmt: skip


class _Times(Body):
    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start, end = getattr(self, "starts_at", None), getattr(self, "ends_at", None)
        if start and end and not start < end <= start + _LONGEST_TIME:
            raise ValueError("endsAt: it must be after startsAt, by at most 31 days")
        return self


class NewAppointment(_Times):
    """POST /api/appointments; without `endsAt` it takes an hour."""

    customer: Id
    connection_id: ConnectionId
    service: Name = Field(examples=["Haircut"])
    starts_at: Time = Field(examples=["2040-01-31T09:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-01-31T09:30:00Z"])
    time_zone: TimeZone | None = None
    location: Line | None = None
    notes: Notes | None = None
    external_id: Annotated[Line, Field(min_length=1)] | None = None


class AppointmentChange(_Times):
    """PATCH /api/appointments/{id}: another time is the same as `reschedule`."""

    service: Name | None = None
    starts_at: Time | None = Field(None, examples=["2040-01-31T09:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-01-31T09:30:00Z"])
    location: Line | None = None
    notes: Notes | None = None
    external_id: Annotated[Line, Field(min_length=1)] | None = None


class Reschedule(_Times):
    """POST …/reschedule; without `endsAt` it takes as long as before."""

    starts_at: Time = Field(examples=["2040-02-01T09:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-02-01T09:30:00Z"])


class AppointmentQuery(PageQuery):
    """GET /api/appointments, in the order of their times: `from` (inclusive), `to` (exclusive)."""

    since: Time | None = Field(None, alias="from")
    until: Time | None = Field(None, alias="to")
    status: AppointmentStatus | None = None
    customer: Id | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{13}[0-9a-z]{26}$")] | None = None


class AppointmentView(Answer):
    """An appointment, and the messages of automations about it."""

    id: str
    owner: str
    customer: str
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
    messages: list[MessageOfPlan]

    @classmethod
    def of(cls, appointment: Appointment, messages: Iterable[Message]) -> AppointmentView:
        """Show an appointment."""
        return _viewed(cls, appointment, messages=MessageOfPlan.all_of(messages))


class AppointmentList(Answer):
    """A page of appointments in the order of their times."""

    items: list[AppointmentView]
    cursor: str | None = None


class NewEvent(_Times):
    """POST /api/events; without a capacity everybody gets a place."""

    name: Name
    starts_at: Time = Field(examples=["2040-01-31T18:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-01-31T20:00:00Z"])
    time_zone: TimeZone | None = None
    location: Line | None = None
    capacity: Annotated[WholeNumber, Field(ge=1, le=100_000)] | None = None
    notes: Notes | None = None


class EventChange(_Times):
    """PATCH /api/events/{id}: a smaller capacity takes no place from anybody."""

    name: Name | None = None
    starts_at: Time | None = Field(None, examples=["2040-01-31T18:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-01-31T20:00:00Z"])
    location: Line | None = None
    capacity: Annotated[WholeNumber, Field(ge=1, le=100_000)] | None = None
    notes: Notes | None = None


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
        return _viewed(cls, event, registered=len(event.seats))


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
    status: RegistrationStatus
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, registration: Registration) -> RegistrationView:
        """Show a registration."""
        return _viewed(cls, registration)


class RegistrationList(Answer):
    """A page of registrations, newest first."""

    items: list[RegistrationView]
    cursor: str | None = None


class NewSubscriber(Body):
    """POST /api/subscribers; with `doubleOptIn`, they are asked over `connectionId` to confirm."""

    name: Line | None = None
    phone: PhoneNumber
    list: Tag = "news"
    language: Language | None = None
    time_zone: TimeZone | None = None
    double_opt_in: bool = False
    connection_id: ConnectionId | None = Field(None, examples=["business_main"])

    @model_validator(mode="after")
    def _can_be_asked(self) -> NewSubscriber:
        if self.double_opt_in and self.connection_id is None:
            raise ValueError("connectionId: over which connection is the question to be sent?")
        return self


class SubscriberChange(Body):
    """PATCH /api/subscribers/{id}: only the given fields change."""

    name: Line | None = None
    language: Language | None = None
    time_zone: TimeZone | None = None
    status: Literal["unsubscribed"] | None = None


class SubscriberQuery(PageQuery):
    """GET /api/subscribers."""

    list: Tag | None = None
    status: SubscriberStatus | None = None
    search: Searched | None = None


class SubscriberView(Answer):
    """A subscriber of a list."""

    id: str
    owner: str
    name: str
    phone: str
    list: str
    language: Language
    time_zone: str | None = None
    status: SubscriberStatus
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, subscriber: Subscriber) -> SubscriberView:
        """Show a subscriber."""
        return _viewed(cls, subscriber)


class SubscriberList(Answer):
    """A page of subscribers, newest first."""

    items: list[SubscriberView]
    cursor: str | None = None


class TemplateTexts(Body):
    """The text in each language."""

    en: SomeText | None = Field(None, examples=["Hello {{customer.firstName}}"])
    he: SomeText | None = Field(None, examples=["שלום {{customer.firstName}}"])

    @model_validator(mode="after")
    def _has_one(self) -> TemplateTexts:
        if not (self.en or self.he):
            raise ValueError("Give a text in `en` or `he`, or both.")
        return self


class TemplateWish(Body):
    """POST /api/templates, and PUT …/{id}, which replaces all of it."""

    name: Name
    texts: TemplateTexts
    expects: Expects | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return the fields as they are stored."""
        texts = self.texts.model_dump(exclude_none=True)
        return {"name": self.name, "texts": texts, "expects": self.expects}


class TemplateQuery(PageQuery):
    """GET /api/templates: `readyMade` lists those that come with the program."""

    ready_made: bool = False


class TemplateView(Answer):
    """A template; `readyMade` ones cannot be changed, but automations may name them."""

    id: str
    name: str
    texts: dict[Language, str]
    expects: Expects | None = None
    ready_made: bool
    created_at: WrittenTimestamp | None = None

    @classmethod
    def of(cls, template: Template) -> TemplateView:
        """Show a template."""
        return _viewed(cls, template, ready_made=not template.owner)


class TemplateList(Answer):
    """A page of templates, newest first."""

    items: list[TemplateView]
    cursor: str | None = None


class PreviewWish(Body):
    """POST /api/templates/{id}/preview: values by variable; those left out are examples."""

    variables: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[A-Za-z0-9_]{1,50}){1,2}$")],
            Annotated[str, StringConstraints(max_length=1000)],
        ],
        Field(max_length=100, examples=[{"customer.firstName": "Dana"}]),
    ] = Field(default_factory=dict)
    language: Language = Language.EN
    time_zone: TimeZone | None = None


class PreviewText(Answer):
    """The text as a person would get it."""

    text: str
    language: Language


class ConditionWish(Body):
    """For which records an automation works; a list that is left out means all."""

    services: Annotated[list[Line], Field(max_length=50)] | None = None
    statuses: Annotated[list[AppointmentStatus], Field(max_length=5)] | None = None
    tags: Tags | None = None


class _AutomationFields(Body):
    offset: Offset | None = None
    delivery_hour: DeliveryHour | None = None
    conditions: ConditionWish | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return the fields that are given, as they are stored."""
        return self.model_dump(exclude_none=True, by_alias=True)


class NewAutomation(_AutomationFields):
    """POST /api/automations: when this happens, send that template."""

    name: Name
    trigger: Trigger
    template: TemplateId
    purpose: Purpose
    connection_id: ConnectionId
    enabled: bool = False

    @model_validator(mode="after")
    def _has_a_time(self) -> NewAutomation:
        if self.trigger.is_before and self.offset is None:
            raise ValueError("offset: how long before? For example 24h or 1d.")
        return self


class AutomationChange(_AutomationFields):
    """PATCH /api/automations/{id}: what waits is planned again."""

    name: Name | None = None
    template: TemplateId | None = None
    purpose: Purpose | None = None
    connection_id: ConnectionId | None = Field(None, examples=["business_main"])
    enabled: bool | None = None


class AutomationQuery(PageQuery):
    """GET /api/automations: `readyMade` lists those that come with the program, all off."""

    ready_made: bool = False


class ConditionView(Answer):
    """For which records an automation works."""

    services: list[str]
    statuses: list[AppointmentStatus]
    tags: list[str]


class LastErrorView(Answer):
    """Why an automation could not plan a message, and for which record."""

    code: str
    detail: str
    at: WrittenTimestamp
    subject: str


class AutomationView(Answer):
    """An automation. A ready-made one has no id: POST it with your connection to have it."""

    id: str | None = None
    name: str
    enabled: bool
    trigger: Trigger
    offset: str | None = None
    delivery_hour: str | None = None
    template: str
    purpose: Purpose
    connection_id: str | None = None
    conditions: ConditionView | None = None
    last_error: LastErrorView | None = None
    created_at: WrittenTimestamp | None = None

    @classmethod
    def of(cls, automation: Automation) -> AutomationView:
        """Show an automation."""
        return _viewed(cls, automation)


class AutomationList(Answer):
    """A page of automations, newest first."""

    items: list[AutomationView]
    cursor: str | None = None


class AutomationPreviewQuery(Body):
    """GET …/{id}/preview: for which appointment; without one, for the next that is booked."""

    appointment: Id | None = None


class PlannedView(Answer):
    """A message that would go: when, and its text; or the error that prevents it."""

    appointment: str
    due_at: WrittenTimestamp
    text: str | None = None
    error: str | None = None


class AutomationPreview(Answer):
    """What an automation would send for an appointment; nothing is stored."""

    items: list[PlannedView]


class NewCampaign(Body):
    """POST /api/campaigns: one template to the subscribers of a list."""

    name: Name
    template: TemplateId
    connection_id: ConnectionId
    list: Tag = "news"
    send_at: Time | None = Field(None, examples=["2040-01-31T09:00:00Z"])


class CampaignChange(Body):
    """PATCH /api/campaigns/{id}, before it has started."""

    name: Name | None = None
    template: TemplateId | None = None
    list: Tag | None = None
    send_at: Time | None = Field(None, examples=["2040-01-31T09:00:00Z"])


class CampaignCounts(Answer):
    """What became of a campaign's messages; `replied` within a week."""

    eligible: int
    skipped: dict[str, int]
    queued: int
    sent: int
    delivered: int
    read: int
    failed: int
    unknown: int
    replied: int
    opted_out: int = Field(alias="optedOut")


class CampaignView(Answer):
    """A campaign; `reason` says why it was paused by itself."""

    id: str
    owner: str
    name: str
    template: str
    connection_id: str
    list: str
    send_at: WrittenTimestamp | None = None
    status: CampaignStatus
    reason: str | None = None
    created_at: WrittenTimestamp
    counts: CampaignCounts

    @classmethod
    def of(cls, campaign: Campaign, counts: Mapping[str, int]) -> CampaignView:
        """Show a campaign with its numbers."""
        told = {**counts, "eligible": campaign.eligible, "skipped": campaign.skipped}
        return _viewed(cls, campaign, counts=told)


class CampaignList(Answer):
    """A page of campaigns, newest first."""

    items: list[CampaignView]
    cursor: str | None = None


class StatsQuery(Body):
    """GET /provider/stats: the last 30 days, unless `from` and `to` say otherwise."""

    since: Time | None = Field(None, alias="from")
    until: Time | None = Field(None, alias="to")
    by: Literal["day", "week", "month"] = "day"


class MessageStats(Answer):
    """What became of messages: by status, and as rates of those that were sent."""

    at: WrittenTimestamp | None = None
    automation: str | None = None
    by_status: dict[str, int]
    sent: int
    delivery_rate: float | None = None
    read_rate: float | None = None

    @classmethod
    def of(cls, counts: MessageCounts) -> MessageStats:
        """Show counts."""
        return cls(
            at=counts.at,
            automation=counts.automation,
            by_status=counts.by_status,
            sent=counts.sent,
            delivery_rate=counts.rate("delivered", "read"),
            read_rate=counts.rate("read"),
        )


class AppointmentStats(Answer):
    """How appointments ended, with or without a reminder that was sent."""

    reminded: bool
    by_status: dict[str, int]
    confirmed_rate: float | None = None
    cancelled_rate: float | None = None
    no_show_rate: float | None = None

    @classmethod
    def of(cls, outcomes: Outcomes) -> AppointmentStats:
        """Show outcomes."""
        return cls(
            reminded=outcomes.reminded,
            by_status=outcomes.by_status,
            confirmed_rate=outcomes.rate(AppointmentStatus.CONFIRMED),
            cancelled_rate=outcomes.rate(AppointmentStatus.CANCELLED),
            no_show_rate=outcomes.rate(AppointmentStatus.NO_SHOW),
        )


class StatsView(Answer):
    """GET /provider/stats."""

    since: WrittenTimestamp = Field(alias="from")
    until: WrittenTimestamp = Field(alias="to")
    messages: list[MessageStats]
    automations: list[MessageStats]
    appointments: list[AppointmentStats]
    median_seconds_to_read: float | None = None
    replies: int
