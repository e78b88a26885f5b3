"""The models of customers, and of imports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
)

from business.model import (
    Agreement,
    Consents,
    Customer,
    Language,
    Purpose,
)
from business.occasions import check_birthday
from control_api.schemas.base import Answer, Body, Name, PhoneNumber, taken_away
from control_api.schemas.business.fields import (
    Line,
    Notes,
    PageQuery,
    Searched,
    Tag,
    Tags,
    Zone,
    viewed,
)
from sessions.common.clock import utc_now
from sessions.common.json_values import Shape, WrittenTimestamp

MOST_ATTRIBUTES = 50
AttributeName = Annotated[
    str,
    Shape(
        r"^[A-Za-z][A-Za-z0-9_]{0,49}$",
        "Use at most 50 letters of English, digits and underscores.",
    ),
]


def _with_a_real_birthday(attributes: dict[str, str | None]) -> dict[str, str | None]:
    birthday = attributes.get("birthday")
    if birthday is not None:
        # Somewhere it is tomorrow already.
        check_birthday(birthday, utc_now().date() + timedelta(days=1))
    return attributes


Attributes = Annotated[
    dict[AttributeName, Line | None],
    Field(max_length=MOST_ATTRIBUTES, examples=[{"birthday": "1990-05-17"}]),
    AfterValidator(_with_a_real_birthday),
]
"""What a provider notes of a customer, by names of their own; `birthday` is a date."""
Wanted = Literal["in", "out"]


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


class AnswerView(Answer):
    """One answer of a person for a purpose; `evidence` is the id of their message."""

    purpose: Purpose
    state: Agreement
    at: WrittenTimestamp
    how: str
    evidence: str | None = None


class ConsentHistory(Answer):
    """What a person has answered, newest first."""

    items: list[AnswerView]

    @classmethod
    def of(cls, consents: Consents | None) -> ConsentHistory:
        """Show the history of a number; nothing for one that never answered."""
        answers = consents.history if consents else ()
        return cls(items=[AnswerView.model_validate(each) for each in reversed(answers)])


class _CustomerFields(Body):
    language: Language | None = None
    time_zone: Zone | None = None
    tags: Tags | None = None
    notes: Notes | None = None
    attributes: Attributes | None = None
    consents: ConsentWishes | None = None

    def attributes_after(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return the attributes of a customer who had others before."""
        joined = {**before, **(self.attributes or {})}
        return {name: each for name, each in joined.items() if each is not None}

    def to_fields(self) -> dict[str, Any]:
        """Return the fields that are given, as they are stored, but for the attributes."""
        return self.model_dump(exclude_none=True, by_alias=True, exclude={"consents", "attributes"})

    def to_states(self) -> dict[Purpose, Agreement]:
        """Return what the person agrees to."""
        return self.consents.to_states() if self.consents else {}


class NewCustomer(_CustomerFields):
    """POST /api/customers; who is booked by phone may have no name yet."""

    name: Name | None = None
    phone: PhoneNumber


class CustomerChange(_CustomerFields):
    """PATCH /api/customers/{id}: only the given fields change, and only the given attributes.

    Null takes the name, the time zone, the notes, the tags or an attribute away.
    """

    name: Name | None = None
    phone: PhoneNumber | None = None

    def to_changes(self) -> dict[str, Any]:
        """Return the fields that change, as they are stored; None takes one away.

        Attributes come one by one, since somebody else may change others at the same time.
        """
        given = {f"attributes.{name}": each for name, each in (self.attributes or {}).items()}
        absent = taken_away(self, name="", time_zone=None, notes="", tags=[], attributes={})
        return self.to_fields() | given | absent


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
        return viewed(cls, customer, consents=shown)


class CustomerList(Answer):
    """A page of customers, newest first."""

    items: list[CustomerView]
    cursor: str | None = None
