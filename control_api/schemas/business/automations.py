"""The models of automations."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from business.model import (
    AppointmentStatus,
    Automation,
    Expects,
    Purpose,
    Trigger,
)
from business.ready_made import ReadyMade, Trade
from business.timing import NO_TIME_PATTERN, OFFSET_PATTERN
from control_api.schemas.base import NULL, Answer, Body, Name, never, taken_away
from control_api.schemas.business.fields import (
    Id,
    Line,
    PageQuery,
    Tags,
    TemplateId,
    viewed,
)
from sessions.common.errors import DomainError
from sessions.common.json_values import OrDefault, Shape, WrittenTimestamp
from sessions.connections.pacing import ClockTime
from sessions.messages.fields import ConnectionId

_HOURS = 24


def _hour(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if not 0 <= value < _HOURS:
        raise ValueError("Give an hour from 0 to 23, or a time of day like 18:30.")
    return f"{value:02}:00"


Offset = Annotated[
    str,
    Shape(OFFSET_PATTERN, "Give a number with m, h, d or w behind it, like 24h."),
    Field(examples=["24h"]),
]
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
_BEFORE = {"enum": [str(each) for each in Trigger if each.is_before]}


def missing_lead(trigger: Trigger, offset: str | None, hour: str | None) -> str | None:
    """Return what to ask if a message could never go before what it is about, or None."""
    at_once = offset is None or (
        hour is None and re.match(NO_TIME_PATTERN, offset, re.ASCII) is not None
    )
    return "How long before? For example 24h or 1d." if trigger.is_before and at_once else None


class ConditionWish(Body):
    """For which records an automation works; a list that is left out means all."""

    services: Annotated[list[Line], Field(max_length=50)] | None = None
    statuses: Annotated[list[AppointmentStatus], Field(max_length=5)] | None = None
    tags: Tags | None = None


class _AutomationFields(Body):
    expects: Expects | None = None
    offset: Offset | None = None
    delivery_hour: DeliveryHour | None = None
    conditions: ConditionWish | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return the fields that are given, as they are stored."""
        return self.model_dump(exclude_none=True, by_alias=True)


class NewAutomation(_AutomationFields):
    """POST /api/automations: when this happens, send that template."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                never(trigger=_BEFORE, offset=NULL),
                never(
                    "offset",
                    trigger=_BEFORE,
                    offset={"pattern": NO_TIME_PATTERN},
                    deliveryHour=NULL,
                ),
            ]
        }
    )

    name: Name
    trigger: Trigger
    template: TemplateId
    purpose: Purpose
    connection_id: ConnectionId
    enabled: OrDefault[bool] = False

    @model_validator(mode="after")
    def _has_a_time(self) -> NewAutomation:
        if question := missing_lead(self.trigger, self.offset, self.delivery_hour):
            raise ValueError(f"offset: {question}")
        return self


class AutomationChange(_AutomationFields):
    """PATCH /api/automations/{id}: what waits is planned again.

    `"deliveryHour": null` lets messages go at any hour, `"offset": null` at once, `"expects": null`
    leaves that to the template, and `"conditions": null` lets it work for all records.
    """

    name: Name | None = None
    template: TemplateId | None = None
    purpose: Purpose | None = None
    connection_id: ConnectionId | None = Field(None, examples=["business_main"])
    enabled: bool | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return the fields that change, as they are stored."""
        return super().to_fields() | taken_away(
            self, delivery_hour=None, offset=None, expects=None, conditions={}
        )


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
    variable: str | None = None


class AutomationView(Answer):
    """An automation. A ready-made one is nobody's and has no id: POST it with your connection.

    `trades` are the kinds of business that a ready-made one suits.
    """

    id: str | None = None
    owner: str | None = None
    name: str
    enabled: bool
    trigger: Trigger
    offset: str | None = None
    delivery_hour: str | None = None
    template: str
    expects: Expects | None = None
    purpose: Purpose
    connection_id: str | None = None
    conditions: ConditionView | None = None
    last_error: LastErrorView | None = None
    created_at: WrittenTimestamp | None = None
    trades: list[Trade] | None = None

    @classmethod
    def of(cls, automation: Automation) -> AutomationView:
        """Show an automation."""
        return viewed(cls, automation)

    @classmethod
    def offered(cls, ready: ReadyMade) -> AutomationView:
        """Show a ready-made automation."""
        return cls(
            name=ready.name,
            enabled=False,
            trigger=ready.trigger,
            offset=ready.offset,
            delivery_hour=ready.delivery_hour,
            template=ready.template.id,
            purpose=ready.purpose,
            trades=list(ready.trades),
        )


class AutomationList(Answer):
    """A page of automations, newest first."""

    items: list[AutomationView]
    cursor: str | None = None


class AutomationPreviewQuery(Body):
    """GET …/{id}/preview: for which appointment; without one, for the next that gets something."""

    appointment: Id | None = None


class PlannedView(Answer):
    """A message that would go: when, and its text; or the error that prevents it, with its code.

    `variable` is the one whose value is missing.
    """

    appointment: str
    due_at: WrittenTimestamp
    text: str | None = None
    error: str | None = None
    code: str | None = None
    variable: str | None = None

    @classmethod
    def of(cls, appointment: str, due_at: datetime, planned: str | DomainError) -> PlannedView:
        """Show a text, or the error that prevents it."""
        if isinstance(planned, str):
            return cls(appointment=appointment, due_at=due_at, text=planned)
        variable = getattr(planned, "members", {}).get("variable")
        return cls(
            appointment=appointment,
            due_at=due_at,
            error=str(planned),
            code=planned.code,
            variable=variable,
        )


class AutomationPreview(Answer):
    """What an automation would send for an appointment; nothing is stored."""

    items: list[PlannedView]
