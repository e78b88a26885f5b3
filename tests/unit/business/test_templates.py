"""Templates: what is refused when they are saved, and what they say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from business.errors import TemplateInvalidError, ValueMissingError
from business.model import Language, Template
from business.ready_made import READY_TEMPLATES
from business.templates import check, needed, render

VALUES: dict[str, dict[str, Any]] = {
    "customer": {"name": "Dana Levi", "firstName": "Dana", "attributes": {"pet": "Rex"}},
    "appointment": {"startsAt": datetime(2027, 2, 2, 12, 30, tzinfo=UTC), "location": None},
}


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Hi {{customer.firstName}}", Language.EN, "Hi Dana"),
        ("{{customer.attributes.pet}}", Language.EN, "Rex"),
        ("{{appointment.startsAt | date}}", Language.EN, "Tuesday, 2 February 2027"),
        ("{{appointment.startsAt | date}}", Language.HE, "יום שלישי, 2 בפברואר 2027"),
        ("{{appointment.startsAt | time}}", Language.EN, "14:30"),
        ("{{appointment.startsAt}}", Language.EN, "Tuesday, 2 February 2027, 14:30"),
        (
            "{{appointment.startsAt | default('soon')}}",
            Language.HE,
            "יום שלישי, 2 בפברואר 2027, 14:30",
        ),
        ("{{appointment.startsAt | default('soon') | time}}", Language.EN, "14:30"),
        ("at {{appointment.location | default('our place')}}", Language.EN, "at our place"),
        ("a{% if appointment.location %} at {{appointment.location}}{% endif %}", Language.EN, "a"),
        ("<b>&</b> is text", Language.EN, "<b>&</b> is text"),
    ],
)
def test_a_text_is_written_in_the_language_and_the_zone(
    text: str, language: Language, expected: str
) -> None:
    check(text)
    assert render(text, VALUES, language, "Asia/Jerusalem") == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{customer.shoeSize}}",
        "{{nobody.name}}",
        "{{customer}}",
        "{{customer.name.upper}}",
        "{{customer.attributes}}",
        "{{customer.__class__}}",
        "{{customer.attributes.a.b}}",
        "{{customer.attributes.__class__}}",
        "{% for x in customer.name %}{{x}}{% endfor %}",
        "{{customer.name()}}",
        "{{'x' * 1000000000}}",
        "{{range(10)}}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{{customer['name']}}",
        "{{customer.name | attr('x')}}",
        "{{customer.name | nothing}}",
        "{{customer.name | default('a', 'b')}}",
        "{{customer.name | date}}",
        "{{'x' | time}}",
        "{{customer.attributes.pet | default('x') | day}}",
        "{{customer.name" + " | upper" * 100 + "}}",
        "{{customer.name" + " | upper" * 500 + "}}",
        "  ",
        "\u200b\u2066\u2069",
        "{% if customer.name %} {% endif %}",
        "{{customer.name",
        "{{" + "(" * 2000 + "1" + ")" * 2000 + "}}",
        "{% if customer.name %}" * 100 + "{% endif %}" * 100,
    ],
)
def test_what_a_text_cannot_have_is_refused_when_it_is_saved(text: str) -> None:
    with pytest.raises(TemplateInvalidError):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{appointment.location}}",
        "{{customer.attributes.cat}}",
        "{{customer.attributes.items}}",
        "{{event.name}}",
        "{{event.startsAt | date}}",
        "{% if customer.attributes.cat %}a{% endif %}",
    ],
)
def test_a_missing_value_is_an_error_when_the_text_is_written(text: str) -> None:
    check(text)
    with pytest.raises(ValueMissingError):
        render(text, VALUES, Language.EN, "UTC")


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("Hi {{customer.firstName}}", []),
        ("{{appointment.endsAt | time}}, {{appointment.service}}", ["endsAt", "service"]),
        ("a{% if appointment.service %}{{appointment.service}}{% endif %}", []),
        ("{{appointment.service | default('it')}}, {{appointment.startsAt | day}}", ["startsAt"]),
        ("{% if not appointment.service %}{{appointment.location}}{% endif %}", ["location"]),
    ],
)
def test_what_a_text_needs_and_values_lack_is_named(text: str, lacking: list[str]) -> None:
    person = {"customer": VALUES["customer"]}
    assert needed(text, person) == [f"appointment.{name}" for name in lacking]


@pytest.mark.parametrize(("year", "zone"), [(1, "America/New_York"), (9999, "Asia/Jerusalem")])
def test_a_time_that_its_zone_does_not_have_is_an_error(year: int, zone: str) -> None:
    first = datetime(year, 1, 1, tzinfo=UTC)
    moment = first if year == 1 else first.replace(month=12, day=31, hour=23)
    with pytest.raises(TemplateInvalidError):
        render("{{event.startsAt | date}}", {"event": {"startsAt": moment}}, Language.EN, zone)


def test_a_name_that_looks_like_a_template_stays_text() -> None:
    values = {"customer": {"name": "{{7*7}}"}}
    assert render("{{customer.name}}", values, Language.EN, "UTC") == "{{7*7}}"


@given(st.text(alphabet="{}%|()[].'\"x0 customer.name if for", max_size=80))
def test_any_text_is_either_taken_or_refused(text: str) -> None:
    try:
        check(text)
        render(text, VALUES, Language.EN, "UTC")
    except (TemplateInvalidError, ValueMissingError):
        pass


@pytest.mark.parametrize("template", READY_TEMPLATES.values(), ids=lambda each: each.name)
def test_the_ready_made_texts_are_valid_in_both_languages(template: Template) -> None:
    assert set(template.texts) == set(Language)
    for text in template.texts.values():
        check(text)
