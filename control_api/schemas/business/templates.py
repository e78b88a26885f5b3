"""The models of templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from business.model import (
    Expects,
    Language,
    Template,
)
from business.templates import LONGEST
from control_api.schemas.base import NULL, Answer, Body, Name, never
from control_api.schemas.business.fields import (
    PageQuery,
    Zone,
    viewed,
)
from sessions.common.json_values import WrittenTimestamp
from sessions.messages.visible_text import PATTERN, check_text

SomeText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST),
    AfterValidator(check_text),
    Field(json_schema_extra={"pattern": PATTERN}),
]


class TemplateTexts(Body):
    """The text in each language, in one at least."""

    model_config = ConfigDict(json_schema_extra=never(en=NULL, he=NULL))

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
    """A template; `readyMade` ones cannot be changed, but automations may name them.

    `samples` are what its texts say with example values.
    """

    id: str
    owner: str | None = None
    name: str
    texts: dict[Language, str]
    samples: dict[Language, str]
    expects: Expects | None = None
    ready_made: bool
    created_at: WrittenTimestamp | None = None

    @classmethod
    def of(cls, template: Template, samples: Mapping[Language, str]) -> TemplateView:
        """Show a template."""
        owner = template.owner or None
        return viewed(cls, template, owner=owner, ready_made=owner is None, samples=dict(samples))


class TemplateList(Answer):
    """A page of templates, newest first."""

    items: list[TemplateView]
    cursor: str | None = None


VariableName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,50}(\.[A-Za-z0-9_]{1,50}){0,2}$")
]
VariableValue = Annotated[str, StringConstraints(max_length=1000)]


class PreviewWish(Body):
    """POST /api/templates/{id}/preview: values by variable; those left out are examples.

    `{"customer.firstName": "Dana"}` and `{"customer": {"firstName": "Dana"}}` are the same.
    """

    variables: Annotated[
        dict[VariableName, VariableValue | dict[VariableName, VariableValue]],
        Field(max_length=100, examples=[{"customer.firstName": "Dana"}]),
    ] = Field(default_factory=dict)
    language: Language = Language.EN
    time_zone: Zone | None = None


class TextPreviewWish(PreviewWish):
    """POST /api/templates/preview: a text that is not stored, with values as for a template."""

    draft: SomeText = Field(examples=["Hello {{customer.firstName}}"])


class PreviewText(Answer):
    """The text as a person would get it."""

    text: str
    language: Language
