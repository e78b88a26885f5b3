"""Fields and bases that the models of the business side share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    model_validator,
)

from business.model import Customer
from control_api.schemas.base import Answer, Body, cursor_like
from control_api.schemas.messages import SendHeaders
from sessions.common.json_values import Shape, Timestamp
from sessions.connections.pacing import TimeZone
from sessions.messages.visible_text import (
    ON_ONE_LINE,
    TYPED,
    VISIBLE,
    check_line,
    check_text,
    check_typed,
)
from sessions.storage.record import Record

RequestHeaders = SendHeaders
"""The headers of a POST; the same key and request again make nothing a second time."""
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
_LONGEST_TIME = timedelta(days=31)


def _in_our_time(moment: datetime) -> datetime:
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("Give a time from 2000 on and before 2200.")
    # What MongoDB keeps; otherwise the same time would look like another one.
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _of_a_place(zone: str) -> str:
    """Refuse names that browsers do not know, and those that differ between machines."""
    if zone in _NO_PLACES or zone.startswith(("posix/", "right/")):
        raise ValueError("There is no such time zone; use a name like Asia/Jerusalem.")
    return zone


Zone = Annotated[TimeZone, AfterValidator(_of_a_place)]
Time = Annotated[Timestamp, AfterValidator(_in_our_time)]
Id = Annotated[str, Shape(r"^[0-9a-z]{26}$", "This is no id.")]
TemplateId = Annotated[
    str,
    Shape(r"^([0-9a-z]{26}|ready_[a-z0-9_]{1,40})$", "This is no id of a template."),
    Field(examples=["ready_welcome"]),
]


def _if_any(text: str) -> str:
    """Refuse a text that is not empty and shows nothing."""
    return check_text(text) if text else text


Line = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(check_line),
    AfterValidator(_if_any),
    Field(json_schema_extra={"pattern": rf"^({ON_ONE_LINE}*{VISIBLE}{ON_ONE_LINE}*)?$"}),
]
"""A text on one line, which may be empty."""
_IN_TAG = ON_ONE_LINE.replace("]", ",;]")
Tag = Annotated[
    str,
    Shape(
        rf"^{_IN_TAG}{{1,50}}$", "Use 1 to 50 characters on one line, no comma and no semicolon."
    ),
    AfterValidator(check_text),
    Field(
        json_schema_extra={
            "pattern": rf"^{_IN_TAG}*{VISIBLE.replace(']', ',;]')}{_IN_TAG}*$",
            "maxLength": 50,
        }
    ),
]
Tags = Annotated[list[Tag], Field(max_length=50)]
Notes = Annotated[
    str,
    StringConstraints(max_length=4000),
    AfterValidator(check_typed),
    Field(json_schema_extra={"pattern": rf"^{TYPED}*$"}),
]
Searched = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(check_line),
    Field(json_schema_extra={"pattern": rf"^{ON_ONE_LINE}*$"}),
]
Cursor = Annotated[str, cursor_like(r"^[0-9a-z]{26}([0-9a-z]{13})?$")]
View = TypeVar("View", bound=Answer)


def viewed(view: type[View], record: Record, **more: Any) -> View:
    """Show the fields of a record that a view has, and more."""
    return view.model_validate({**record.model_dump(), **more})


def named(customer: Customer | None) -> dict[str, str | None]:
    """Show who a record is about, in its own view; nothing once they are erased."""
    if customer is None or customer.erasing:
        return {}
    return {"customer_name": customer.name or None, "customer_phone": customer.phone}


class PageQuery(Body):
    """A page of a list: `cursor` is what the page before it gave."""

    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


END_WRONG = "It must be after startsAt, by at most 31 days."


def is_in_order(start: datetime, end: datetime) -> bool:
    """Tell whether something may begin and end at these times."""
    return start < end <= start + _LONGEST_TIME


class OrderedTimes(Body):
    """A body in which `endsAt` has to be after `startsAt`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start, end = getattr(self, "starts_at", None), getattr(self, "ends_at", None)
        if start and end and not is_in_order(start, end):
            raise ValueError(f"endsAt: {END_WRONG}")
        return self


class ChangedTimes(OrderedTimes):
    """A PATCH of a record that has a time."""

    starts_at: Time | None = Field(None, examples=["2040-01-31T09:00:00Z"])
    ends_at: Time | None = Field(None, examples=["2040-01-31T10:00:00Z"])
